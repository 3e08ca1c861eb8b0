"""Random filters in alertdeck's own language, from the values of the alerts and from the documentation."""

import re

import fields
import terms
from alerts import CATEGORIES, members
from odata import any_case

# Text that looks like a field but is none, and other texts with signs in them.
TEXTS = [
    "C:\\Windows", "c:/temp", "https://evil.example", "fe80::1", "fe80::1%eth0", "aa:bb:cc:dd:ee:ff", "10.1.2.3:443",
    "srv-01:x", "a@b:1", "a|b", "f(x)", "blocked,", "hxxps://evil[.]example", "10[.]1[.]2[.]3", "eve[@]evil[dot]example",
    "T1059", "T1003.001", "T105", "1126", "112", "7f1c3609", "onboarded", "detected", "PrimaryDevice", "compromised", "4780",
    "hidden.example/pay", "malicious", "-enc", "CredentialAccess", "2026-01-02", "deviceEvidence", "22H2", "UnassignedGroup",
]  # fmt: skip
PATTERNS = [
    "^susp", "(mimi|power)", "tool$", "\\d{3}", "[a-f]{4}", "^a.*e$", "evil.example", "contoso", "^.$", "s+", "\\\\", "STRASSE",
    "straße", "ana|bob", "o'brien", "^c",
]  # fmt: skip
ERRORS = [
    "severity>high", "severity<informational", "title>x", "status>new", "severity>=low,high", 'severity>"odd"', "status~n",
    "age:7d", "idle!=3d", "age<2026-11-01", "created>=2026-01-01..2026-01-05", "created>=soon", "created:2026-01-05..2026-01-01",
    "ip:10.0", "hash:abc", "hash:xyzxyzxyz", 'title~"(a"', "status:nwe", "sevrity:high", "qqqqqq:x", "status:", "title:x,",
    'title:""', "severity:h*", "created:2026-02-30", "created~2026", "assigned>a", "verdict>malicious", "verdict:malicous",
    "technique:pwershell", "tactic:nonsense", "title: x", "created:2026-01-0*", "age<1y", "age<1.5h", "incident>1", "evidence:proces",
]  # fmt: skip
WORDS = {
    *fields.FIELDS, *fields.ALIASES, *fields.RAW, "and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in",
    "contains", "is", "like", "has", "startswith", "endswith", "where", "none", "any", "me",
}  # fmt: skip
MEMBERS = {
    name.lower() for kinds in fields.SHORT.values() for name in [*kinds, *(m for names in kinds.values() for m in names)]
} | {name.lower() for kind in fields.TYPES.values() for name in members(kind)}


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def written(random, text, chance=0.15):
    """A value, in quotes where it has to be and sometimes elsewhere."""
    # A single quote is no quote in this language, but reads like one at the start.
    plain = re.fullmatch(r'[^\s"(),*|][^\s"(),*]*', text) and not text.startswith(("'", "-", "!", "$", "&"))
    if plain and random.random() > chance:
        return text
    if plain is not None and len(text) > 2 and random.random() < 0.1:
        at = random.randrange(1, len(text))
        return text[:at] + quoted(text[at:])
    return quoted(text)


def piece(random, text):
    """A part of a text, or all of it."""
    if len(text) > 3 and random.random() < 0.6:
        start = random.randrange(len(text) - 2)
        text = text[start : start + random.randint(2, 12)]
    return any_case(random, text)


def wildcard(random, text):
    """The text with stars in place of some of it; the rest quoted where it has to be."""
    start, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
    parts = [text[:start], text[end:]] if random.random() < 0.7 else ["", text[start:end], ""]
    return "*".join(written(random, part, 0.05) if part else "" for part in parts) or "*"


def sent_texts(alerts, place):
    found = [text for alert in alerts for text in terms.texts(alert, place)]
    return [text for text in found if text] or ["x"]


def bare(random, alerts):
    if random.random() < 0.5:
        text = random.choice(TEXTS)
        return quoted(text) if text.startswith("-") or text.lower() in MEMBERS else text
    places = (["title", "description", "category", "id", "incidentId"], [], {})
    if random.random() < 0.5:
        text = random.choice(sent_texts(alerts, places))
    else:
        items = [text for alert in alerts for path, _, text in terms.walk(alert.get("evidence") or []) if text]
        text = random.choice(items)
    if random.random() < 0.1 and text:
        return wildcard(random, text)
    text = piece(random, text)
    alone = re.fullmatch(r"[^\s\"(),*|:=<>~!&$'-][^\s\"(),*|:=<>~]*", text) and text.lower() not in WORDS | MEMBERS
    return text if alone and random.random() < 0.8 else quoted(text or "x")


def listed(random, one):
    return ",".join(one() for _ in range(random.choice([1, 1, 1, 2, 3])))


def equality(random):
    return random.choice([":"] * 5 + ["=", "!="])


def special(random, one, extra=()):
    return lambda: random.choice(["none", "any", "NONE", *extra]) if random.random() < 0.12 else one()


def member_term(random, name):
    property_name = {**fields.MEMBER_FIELDS, "verdict": "verdict", "remediation": "remediationStatus"}[name]
    names = [n for n in members(fields.TYPES[property_name]) if n != "unknownFutureValue"]

    def one():
        chance = random.random()
        if chance < 0.15:
            return quoted(random.choice(["redirected", "critical", "open", "info", "benign positive", "5", "quarantined", "tp"]))
        if chance < 0.45:
            return random.choice(list(fields.SHORT[property_name]) or names)
        text = any_case(random, random.choice(names))
        return quoted(text) if random.random() < 0.1 else text

    if name == "severity" and random.random() < 0.3:
        return name + random.choice([">=", ">", "<", "<="]) + random.choice(["info", "low", "medium", "med", '"medium"', "high"])
    if name not in fields.MEMBER_FIELDS and random.random() < 0.25:
        return name + random.choice([":mal*", ":*ed", "~^no", ":n*t*", ":*", "~ed$"])
    return name + equality(random) + listed(random, special(random, one))


def date_term(random, name, now):
    if name in ("age", "idle") or random.random() < 0.25:
        ages = lambda: random.choice(["0s", "100m", "1h", "6h", "24h", "1d", "2d", "3d", "7d", "1w", "2w", "400h"])  # noqa: E731
        if random.random() < 0.25:
            return name + equality(random) + random.choice([f"{ages()}..{ages()}"] * 3 + [f"{ages()}..", f"..{ages()}"])
        return name + random.choice(["<", "<=", ">", ">="]) + ages()

    def one():
        day = "2026-01-%02d" % random.randint(1, 6)
        time = random.choice(["00:00", "10:00", "23:59", "10:00:05", "23:59:59", "00:00:00.0000001", "10:00:05.5", "00:01:00.1234567"])
        zone = random.choice(["", "", "Z", "+00:00", "+02:00", "-05:30"])
        chance = random.random()
        if chance < 0.4:
            return day
        if chance < 0.5 and now.strftime("%H:%M") < "23:30":
            return random.choice(["today", "yesterday"])
        return quoted(f"{day} {time}{zone}") if chance > 0.9 else f"{day}T{time}{zone}"

    chance = random.random()
    if chance < 0.3:
        first, last = one(), one()
        if '"' in first + last:
            first, last = "2026-01-02", "2026-01-04T10:00"
        return name + equality(random) + random.choice([f"{first}..{last}"] * 3 + [f"{first}..", f"..{last}"])
    if chance < 0.7:
        return name + random.choice(["<", "<=", ">", ">="]) + one()
    return name + equality(random) + listed(random, special(random, one))


def owner_term(random, alerts):
    owners = sent_texts(alerts, (["assignedTo"], [], {}))

    def one():
        text = random.choice(owners)
        chance = random.random()
        if chance < 0.2:
            return random.choice(["*@contoso.com", "*", "*o*", wildcard(random, text)])
        return written(random, any_case(random, text) if chance < 0.6 else piece(random, text))

    if random.random() < 0.1:
        return "assigned~" + written(random, random.choice(PATTERNS), 1)
    name = random.choice(["assigned", "owner", "assignedTo"])
    return name + equality(random) + listed(random, special(random, one, ["me", "me", "ME"]))


def text_term(random, alerts, name):
    place = fields.TEXT_FIELDS[name]
    sent = sent_texts(alerts, place)
    if name in ("deviceid", "userid"):
        # IDs alone. Names count where a device or user has no ID, which is more than a comparison.
        ids = [text for text in sent if len(text) > 30 or text.startswith("S-1-5-21-") or "@" in text]
        return name + equality(random) + listed(random, lambda: written(random, any_case(random, random.choice(ids))))
    if name == "hash":
        one = lambda: any_case(random, random.choice(sent)[: random.choice([6, 8, 40, 64])])  # noqa: E731
    elif name == "ip":
        one = lambda: random.choice(  # noqa: E731
            ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3", "fe80::1", "fe80::1%eth0"]
            + ["10[.]1[.]2[.]3", "10.*", "*.3", "198.51.100.4", "0.0.0.0/0", "::/0", "10.9.8.7"]
        )
    elif name == "domain":
        one = lambda: random.choice(  # noqa: E731
            ["evil.example", "EVIL.example", "https://evil.example/x", "evil[.]example", "hxxps://evil[.]example/a", "example"]
            + ["contoso.com", "*.evil.example", "*example", "eve@evil.example", "hidden.example", "corp.contoso.com", "cdn.evil.example", "nowhere.example"]
        )
    elif name in ("url", "mail"):
        one = lambda: random.choice(  # noqa: E731
            [written(random, piece(random, random.choice(sent))), "hxxps://evil[.]example", "eve[@]evil[.]example", "hidden.example/pay"]
        )
    else:
        whole = 0.8 if name in fields.WHOLE else 0.3

        def one():
            text = random.choice(sent)
            if random.random() < 0.15:
                return wildcard(random, text)
            return written(random, any_case(random, text) if random.random() < whole else piece(random, text))

    if random.random() < 0.12:
        return f"{name}~{written(random, random.choice(PATTERNS), 1)}"
    if name == "user" and random.random() < 0.2:
        return random.choice(["user:CONTOSO\\ana", "user:contoso\\b", "user:fabrikam\\S", "user=CONTOSO\\ana", "account:CONTOSO\\ana"])
    operator = equality(random)
    shown = random.choice([name, name, *[alias for alias, field in fields.ALIASES.items() if field == name]])
    return any_case(random, shown) + operator + listed(random, special(random, one))


def raw_term(random, alerts):
    names = [
        "osPlatform", "processId", "parentProcessId", "imageFile.sha256", "detectionSource", "providerAlertId", "osBuild", "version",
        "riskScore", "investigationState", "fileSize", "threatFamilyName", "countryLetterCode", "imageFile.fileName",
        "onboardingStatus", "roles", "remediationStatusDetails", "domainName", "p1Sender.displayName", "loggedOnUsers.accountName",
    ]  # fmt: skip
    name = random.choice(names)
    sent = [text for alert in alerts for path, _, text in terms.walk(alert) if terms.ends(path, name)] or ["x"]

    def one():
        text = random.choice(sent)
        return wildcard(random, text) if text and random.random() < 0.1 else written(random, piece(random, text or "x"))

    if random.random() < 0.1:
        return f"{name}~{written(random, random.choice(PATTERNS), 1)}"
    return any_case(random, name) + equality(random) + listed(random, special(random, one))


def attack_term(random):
    if random.random() < 0.5:
        one = lambda: random.choice(  # noqa: E731
            ["T1059", "t1059.001", "T1003", "T105", "T1566.001", "powershell", '"command shell"', '"lsass memory"', "phishing"]
            + ['"unknown thing"', "T1059*", "*Shell", "T1110"]
        )
        if random.random() < 0.2:
            return random.choice(["technique~shell$", "technique~^T1059", "technique~^t100.$", "technique~memory"])
        return "technique" + equality(random) + listed(random, special(random, one))
    one = lambda: random.choice(  # noqa: E731
        [c for c in CATEGORIES if c in fields.TACTICS]
        + ["c2", "Impact", '"credential access"', '"Malware"', '"nothing"', "initialaccess", "*Access", "LateralMovement"]
    )
    if random.random() < 0.15:
        return random.choice(["tactic~access", "tactic~^Exec", "tactic~t$"])
    return "tactic" + equality(random) + listed(random, special(random, one))


def evidence_term(random):
    one = lambda: random.choice(  # noqa: E731
        ["process", "file", "device", "user", "ip", "url", "dns", "Mailbox", "hostLogonSession", "kubernetesPod", '"quantum"', '"nothing"']
        + ["*processEvidence", "#microsoft.graph.security.f*", "*hash*", "ioTDevice", "fileHash"]
    )
    if random.random() < 0.1:
        return random.choice(["evidence~registry", "evidence~fileEvidence$", "evidence~quantum"])
    return "evidence" + equality(random) + listed(random, special(random, one))


def term(random, alerts, now):
    chance = random.random()
    if chance < 0.16:
        return bare(random, alerts)
    if chance < 0.32:
        return member_term(random, random.choice([*fields.MEMBER_FIELDS, "verdict", "remediation"]))
    if chance < 0.46:
        return date_term(random, random.choice([*fields.DATE_FIELDS, *fields.AGE_FIELDS]), now)
    if chance < 0.53:
        return owner_term(random, alerts)
    if chance < 0.60:
        return attack_term(random)
    if chance < 0.64:
        return evidence_term(random)
    if chance < 0.74:
        return raw_term(random, alerts)
    if chance < 0.745:
        return random.choice(ERRORS)
    return text_term(random, alerts, random.choice(list(fields.TEXT_FIELDS)))


def expression(random, alerts, now, depth=0):
    chance = random.random()
    if depth >= 3 or chance < 0.4 + 0.15 * depth:
        return term(random, alerts, now)
    if chance < 0.8:
        parts = [expression(random, alerts, now, depth + 1) for _ in range(random.choice([2, 2, 3]))]
        text = parts[0]
        for part in parts[1:]:
            text += random.choice([" ", " ", "  ", " and ", " AND ", " && ", " or ", " or ", " OR ", " | ", " || ", " |"]) + part
        return text
    inner = expression(random, alerts, now, depth + 1)
    prefix = random.choice(["", "-", "!", "not ", "NOT ", "-", "--", "not"])
    return f"{prefix}({inner})" if prefix == "not" or random.random() < 0.6 else prefix + inner


def filters(random, alerts, now, count):
    for _ in range(count):
        text = random.choice(ERRORS) if random.random() < 0.04 else expression(random, alerts, now)
        yield " " + text if text.startswith("$") else text
