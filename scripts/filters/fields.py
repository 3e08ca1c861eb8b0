"""The tables of docs/filter-language.md: fields, short names, and what each field looks in."""

from alerts import SCHEMA

SHORT = {
    "severity": {"info": ["informational"], "med": ["medium"]},
    "status": {"open": ["new", "inProgress"], "prog": ["inProgress"], "res": ["resolved"], "closed": ["resolved"]},
    "serviceSource": {
        "endpoint": ["microsoftDefenderForEndpoint"], "identity": ["microsoftDefenderForIdentity"],
        "cloudapps": ["microsoftDefenderForCloudApps"], "office": ["microsoftDefenderForOffice365"],
        "xdr": ["microsoft365Defender"], "entra": ["azureAdIdentityProtection"], "appgov": ["microsoftAppGovernance"],
        "dlp": ["dataLossPrevention"], "cloud": ["microsoftDefenderForCloud"], "sentinel": ["microsoftSentinel"],
        "insider": ["microsoftInsiderRiskManagement"], "ti": ["microsoftThreatIntelligence"], "ai": ["microsoftSecurityForAI"],
    },
    "classification": {
        "tp": ["truePositive"], "fp": ["falsePositive"],
        "info": ["informationalExpectedActivity"], "expected": ["informationalExpectedActivity"],
    },
    "determination": {
        "pup": ["unwantedSoftware"], "test": ["securityTesting"], "account": ["compromisedAccount"],
        "lob": ["lineOfBusinessApplication"],
    },
    "verdict": {"clean": ["noThreatsFound"]},
    "remediationStatus": {"pending": ["pendingApproval"], "partial": ["partiallyRemediated"]},
}  # fmt: skip
TYPES = {
    "severity": "alertSeverity", "status": "alertStatus", "serviceSource": "serviceSource",
    "classification": "alertClassification", "determination": "alertDetermination", "verdict": "evidenceVerdict",
    "remediationStatus": "evidenceRemediationStatus",
}  # fmt: skip
SEVERITIES = ["informational", "low", "medium", "high"]

ALIASES = {
    "sev": "severity", "servicesource": "source", "classification": "class", "assignedto": "assigned", "owner": "assigned",
    "createddatetime": "created", "lastupdatedatetime": "updated", "resolveddatetime": "resolved",
    "firstactivitydatetime": "firstactivity", "lastactivitydatetime": "lastactivity", "comments": "comment",
    "account": "user", "commandline": "cmdline", "email": "mail", "application": "app", "remediationstatus": "remediation",
}  # fmt: skip
MEMBER_FIELDS = {
    "severity": "severity", "status": "status", "source": "serviceSource", "class": "classification",
    "determination": "determination",
}  # fmt: skip
DATE_FIELDS = {
    "created": "createdDateTime", "updated": "lastUpdateDateTime", "resolved": "resolvedDateTime",
    "firstactivity": "firstActivityDateTime", "lastactivity": "lastActivityDateTime",
}  # fmt: skip
AGE_FIELDS = {"age": "createdDateTime", "idle": "lastUpdateDateTime"}

# Where the text fields look: names of the alert, ends of paths in the evidence, and ends of paths in
# items of one type.
TEXT_FIELDS = {
    "title": (["title"], [], {}),
    "description": (["description"], [], {}),
    "category": (["category", "categories"], [], {}),
    "incident": (["incidentId"], [], {}),
    "id": (["id"], [], {}),
    "detector": (["detectorId"], [], {}),
    "product": (["productName"], [], {}),
    "threat": (["threatDisplayName", "threatFamilyName"], ["threats"], {"malware": ["name"]}),
    "actor": (["actorDisplayName"], [], {}),
    "tag": (["systemTags"], ["tags"], {}),
    "device": (
        [],
        ["deviceDnsName", "hostName", "deviceName", "mdeDeviceId", "azureAdDeviceId", "macAddress", "serialNumber"],
        {"ioTDevice": ["deviceId"]},
    ),
    "deviceid": ([], ["mdeDeviceId", "azureAdDeviceId"], {"ioTDevice": ["deviceId"]}),
    "userid": ([], ["userSid", "azureAdUserId", "userPrincipalName", "upn", "primaryAddress"], {}),
    "user": (
        [],
        ["accountName", "userPrincipalName", "userAccount.displayName", "userSid", "azureAdUserId", "upn"],
        {},
    ),
    "process": ([], ["imageFile.fileName", "parentProcessImageFile.fileName"], {}),
    "cmdline": ([], ["processCommandLine"], {"container": ["command", "args"]}),
    "file": ([], ["fileName"], {}),
    "path": ([], ["filePath"], {}),
    "hash": ([], ["sha256", "sha1", "md5", "sha256Ac", "fileHashes.value"], {"fileHash": ["value"]}),
    "ip": ([], ["ipAddress", "lastIpAddress", "lastExternalIpAddress", "ipInterfaces", "senderIp"], {}),
    "url": ([], ["url", "urls", "webUrl", "baseUrl"], {}),
    "domain": (
        [],
        [
            "domainName", "activeDirectoryDomainName", "url", "urls", "webUrl", "baseUrl", "emailAddress",
            "recipientEmailAddress", "primaryAddress", "mailboxPrimaryAddress", "senderFromAddress", "sender", "recipient",
            "recipients", "submitter", "userPrincipalName", "upn",
        ],
        {"gitHubUser": ["email"]},
    ),
    "registry": ([], ["registryHive", "registryKey", "registryValueName", "registryValue"], {}),
    "mail": (
        [],
        [
            "emailAddress", "recipientEmailAddress", "primaryAddress", "mailboxPrimaryAddress", "senderFromAddress", "sender",
            "recipient", "recipients", "subject", "internetMessageId", "networkMessageId", "networkMessageIds",
        ],
        {},
    ),
    "group": ([], [], {"securityGroup": ["displayName", "friendlyName", "distinguishedName", "securityGroupId", "sid"]}),
    "app": (
        [],
        ["appId", "servicePrincipalName", "servicePrincipalObjectId", "agentName", "agentId"],
        {"cloudApplication": ["displayName", "instanceName"], "oauthApplication": ["displayName", "objectId"]},
    ),
    "resource": (
        [],
        ["resourceId", "resourceName", "amazonResourceId", "fullResourceName"],
        {"blob": ["name"], "blobContainer": ["name"]},
    ),
    "workload": (
        [],
        ["containerId"],
        {
            kind: ["name"]
            for kind in [
                "container", "kubernetesCluster", "kubernetesNamespace", "kubernetesController", "kubernetesPod",
                "kubernetesSecret", "kubernetesService", "kubernetesServiceAccount",
            ]
        },
    ),
    "image": ([], ["imageId", "registry.registry"], {"containerRegistry": ["registry"]}),
    "session": ([], ["sessionId", "requestId"], {}),
    "github": (
        [],
        ["login", "repoId"],
        {"gitHubOrganization": ["displayName"], "gitHubUser": ["name", "email"], "gitHubRepo": ["owner"]},
    ),
    "comment": (["comments.comment"], [], {}),
}  # fmt: skip
WHOLE = ["incident", "id", "deviceid", "userid"]
DEFANGED = ["ip", "domain", "url", "mail"]

OTHER_FIELDS = ["assigned", "technique", "tactic", "verdict", "remediation", "evidence", "tenant"]
FIELDS = [*MEMBER_FIELDS, *DATE_FIELDS, *AGE_FIELDS, *TEXT_FIELDS, *OTHER_FIELDS]
RAW = {
    declared["name"].lower()
    for kinds in ("entities", "complexTypes")
    for kind in SCHEMA[kinds].values()
    for declared in kind.get("properties", [])
}

# MITRE ATT&CK, as far as the random alerts use it: names and tactics.
ATTACK = {
    "T1059": ("Command and Scripting Interpreter", ["Execution"]),
    "T1059.001": ("PowerShell", ["Execution"]),
    "T1059.003": ("Windows Command Shell", ["Execution"]),
    "T1003": ("OS Credential Dumping", ["CredentialAccess"]),
    "T1003.001": ("LSASS Memory", ["CredentialAccess"]),
    "T1566": ("Phishing", ["InitialAccess"]),
    "T1566.001": ("Spearphishing Attachment", ["InitialAccess"]),
    "T1486": ("Data Encrypted for Impact", ["Impact"]),
    "T1105": ("Ingress Tool Transfer", ["CommandAndControl"]),
    "T1110": ("Brute Force", ["CredentialAccess"]),
    "T1110.003": ("Password Spraying", ["CredentialAccess"]),
}
TACTICS = [
    "Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence", "PrivilegeEscalation",
    "DefenseEvasion", "CredentialAccess", "Discovery", "LateralMovement", "Collection", "CommandAndControl",
    "Exfiltration", "Impact",
]  # fmt: skip

# Left out of bare words.
STATES = [
    "verdict", "remediationstatus", "remediationstatusdetails", "roles", "detailedroles", "detectionstatus",
    "onboardingstatus", "@odata.type",
]  # fmt: skip
