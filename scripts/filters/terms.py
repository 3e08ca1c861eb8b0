"""What the terms of the filter language mean, from docs/filter-language.md alone. See language.py."""

import ipaddress
import json
import re
import urllib.parse
from datetime import datetime, timezone

from alerts import NAMESPACE, SCHEMA, members
from fields import (
    AGE_FIELDS,
    ALIASES,
    ATTACK,
    DATE_FIELDS,
    DEFANGED,
    FIELDS,
    MEMBER_FIELDS,
    RAW,
    SEVERITIES,
    SHORT,
    STATES,
    TACTICS,
    TEXT_FIELDS,
    TYPES,
    WHOLE,
)
from odata import folded, ticks

DAY = 864_000_000_000
UNITS = {"s": 10_000_000, "m": 600_000_000, "h": 36_000_000_000, "d": DAY, "w": 7 * DAY}


class FilterError(Exception):
    """The filter has an error."""


class Value:
    """A value as typed: runs of text, each quoted or not."""

    def __init__(self, runs):
        self.runs = runs
        self.text = "".join(text for text, _ in runs)
        self.quoted = any(quoted for _, quoted in runs)

    def is_word(self, *words):
        return not self.quoted and self.text.lower() in words

    def wildcard(self):
        """A pattern for the whole of a text, or None if the value has no wildcard."""
        if not any("*" in text for text, quoted in self.runs if not quoted):
            return None
        parts = [
            re.escape(folded(text)) if quoted else ".*".join(re.escape(folded(part)) for part in text.split("*"))
            for text, quoted in self.runs
        ]
        return re.compile("".join(parts), re.DOTALL)


# Alerts


def as_text(value):
    """The text of a value that is no object and no list, or None."""
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, (dict, list)) else json.dumps(value)


def walk(value, path=(), kind=None):
    """The paths, types of item and texts of everything in a value."""
    if isinstance(value, dict):
        kind = value.get("@odata.type", kind)
        for name, part in value.items():
            yield from walk(part, (*path, name.lower()), kind)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part, path, kind)
    elif (text := as_text(value)) is not None:
        yield path, kind, text


def ends(path, name):
    name = tuple(name.lower().split("."))
    return path[-len(name) :] == name


def own(alert):
    return {name: value for name, value in alert.items() if name != "evidence"}


def texts(alert, place):
    """The texts that a field looks in."""
    names, anywhere, by_type = place
    found = [text for path, _, text in walk(own(alert)) if any(path == tuple(n.lower().split(".")) for n in names)]
    for item in alert.get("evidence") or []:
        for path, kind, text in walk(item):
            of_type = by_type.get(short_type(kind), [])
            if any(ends(path, name) for name in anywhere) or any(ends(path, name) for name in of_type):
                found.append(text)
    return found


def short_type(kind):
    return (kind or "").removeprefix("#").removeprefix(NAMESPACE).removesuffix("Evidence")


def is_missing(text):
    return not text.strip() or text.lower() in ("unknown", "none")


# Terms


def any_text(values, test):
    """A test that holds if any of the texts fits."""
    return lambda alert: any(test(text) for text in values(alert))


def regex(value):
    try:
        # The end of the value, not of a line.
        return re.compile(re.sub(r"\$$", r"\\Z", value.text), re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise FilterError(f"invalid regular expression: {error}") from error


def original(link):
    """The link that Safe Links replaced, or None."""
    parts = urllib.parse.urlsplit(link)
    if not (parts.hostname or "").endswith(".safelinks.protection.outlook.com"):
        return None
    return next(iter(urllib.parse.parse_qs(parts.query).get("url", [])), None)


def with_originals(links):
    return [*links, *filter(None, map(original, links))]


def refang(text):
    text = re.sub(r"^hxxp", "http", text, flags=re.IGNORECASE)
    return text.replace("[.]", ".").replace("[dot]", ".").replace("[@]", "@")


def refanged(value):
    return value if value.quoted else Value([(refang(text), quoted) for text, quoted in value.runs])


def bare(value):
    value = refanged(value)
    pattern, wanted = value.wildcard(), folded(value.text)
    contains = (lambda text: pattern.fullmatch(folded(text))) if pattern else (lambda text: wanted in folded(text))
    whole = (lambda text: pattern.fullmatch(folded(text))) if pattern else (lambda text: folded(text) == wanted)

    def test(alert):
        named = [text for path, _, text in walk(own(alert)) if path[0] in ("title", "description", "category", "categories")]
        evidence = [
            text
            for path, _, text in walk(alert.get("evidence") or [])
            if not any(name in STATES or name.endswith("datetime") for name in path)
        ]
        ids = [text for path, _, text in walk(own(alert)) if path in (("id",), ("incidentid",), ("detectorid",))]
        techniques = [text for path, _, text in walk(own(alert)) if path == ("mitretechniques",)]
        return (
            any(contains(text) for text in with_originals([*named, *evidence]))
            or any(whole(text) for text in ids)
            or any(whole(text) or not pattern and whole(text.split(".")[0]) for text in techniques)
        )

    return test


def field(name, operator, values, context):
    name = name.lower()
    if operator == "!=":
        test = field(name, "=", values, context)
        return lambda alert: not test(alert)
    if operator in (">", ">=", "<", "<=") and len(values) > 1:
        raise FilterError("order with a list")
    field_name = ALIASES.get(name, name)
    if field_name not in FIELDS:
        if name.split(".")[-1] not in RAW:
            raise FilterError("unknown field")
        field_name = name
    missing, term = kind_of(field_name, context)
    tests = []
    for value in values:
        if operator in (":", "=") and value.is_word("none"):
            tests.append(missing)
        elif operator in (":", "=") and value.is_word("any"):
            tests.append(lambda alert: not missing(alert))
        else:
            tests.append(term(operator, value))
    return lambda alert: any(test(alert) for test in tests)


def kind_of(name, context):
    """The test for "no value", and the function that makes a test from an operator and a value."""
    if name in MEMBER_FIELDS:
        return alert_member(MEMBER_FIELDS[name])
    if name in DATE_FIELDS:
        return date_field(DATE_FIELDS[name], context, False)
    if name in AGE_FIELDS:
        return date_field(AGE_FIELDS[name], context, True)
    if name == "assigned":
        return assigned(context)
    if name in ("technique", "tactic"):
        return technique() if name == "technique" else tactic()
    if name in ("verdict", "remediation"):
        return item_member("remediationStatus" if name == "remediation" else "verdict")
    if name == "evidence":
        return evidence_type()
    if name in TEXT_FIELDS:
        place = TEXT_FIELDS[name]
        values = lambda alert: texts(alert, place)  # noqa: E731
        if name in ("url", "domain"):
            values = lambda alert: with_originals(texts(alert, place))  # noqa: E731
        missing = lambda alert: all(map(is_missing, values(alert)))  # noqa: E731
        return missing, lambda operator, value: text_term(name, operator, value, values)
    values = lambda alert: [text for path, _, text in walk(alert) if ends(path, name)]  # noqa: E731
    missing = lambda alert: all(map(is_missing, values(alert)))  # noqa: E731
    return missing, lambda operator, value: text_term(name, operator, value, values)


def text_term(name, operator, value, values):
    if operator == "~":
        pattern = regex(value)
        return any_text(values, pattern.search)
    if operator not in (":", "="):
        raise FilterError("order on a field without order")
    if name in DEFANGED:
        value = refanged(value)
    pattern, wanted = value.wildcard() if operator == ":" else None, folded(value.text)
    if pattern:
        return any_text(values, lambda text: pattern.fullmatch(folded(text)))
    if name == "ip":
        return any_text(values, in_network(value.text))
    if name == "hash":
        if not re.fullmatch(r"[0-9a-fA-F]{6,64}", value.text):
            raise FilterError("not a hash, or too short")
        if operator == ":":
            return any_text(values, lambda text: folded(text).startswith(wanted))
    if name == "domain" and operator == ":":
        wanted = host(wanted)
        return any_text(values, lambda text: host(folded(text)) == wanted or host(folded(text)).endswith("." + wanted))
    if name == "user" and operator == ":" and "\\" in wanted:
        return account(*wanted.split("\\", 1))
    if operator == "=" or name in WHOLE:
        return any_text(values, lambda text: folded(text) == wanted)
    return any_text(values, lambda text: wanted in folded(text))


def account(domain, name):
    """`DOMAIN\\name`: like two terms, which may be met by two items."""
    domains = ([], ["domainName"], {})

    def test(alert):
        of_domain = any(folded(text) == domain for text in texts(alert, domains))
        return of_domain and any(name in folded(text) for text in texts(alert, TEXT_FIELDS["user"]))

    return test


def host(text):
    """The host of a link or mail address, or the text if it is neither."""
    text = re.sub(r"^([a-z][a-z0-9+.-]*:)?//", "", text)
    text = re.split(r"[/?#]", text)[0].rsplit("@", 1)[-1]
    return text.split(":")[0]


def address(text):
    """The address that a text spells, or None."""
    try:
        found = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def in_network(text):
    wanted = address(text)
    if wanted:
        return lambda sent: address(sent) == wanted
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise FilterError("not an address or network") from error
    return lambda sent: (found := address(sent)) is not None and found.version == network.version and found in network


def is_unset(text):
    return text is None or not text.strip() or text.lower() == "unknown"


def declared(property_name, value):
    """The members that a value names, in lower case; an unquoted value must name some."""
    names = [name.lower() for name in members(TYPES[property_name]) if name != "unknownFutureValue"]
    text = value.text.lower()
    if text in names or value.quoted:
        return [text]
    if text in SHORT[property_name]:
        return [name.lower() for name in SHORT[property_name][text]]
    raise FilterError("unknown member")


def alert_member(name):
    missing = lambda alert: is_unset(alert.get(name))  # noqa: E731

    def term(operator, value):
        if operator == "~":
            raise FilterError("regular expression on an enumeration of the alert")
        wanted = declared(name, value)
        if operator not in (":", "="):
            if name != "severity":
                raise FilterError("order on a field without order")
            if wanted[0] not in SEVERITIES:
                raise FilterError("severity without a place in the order")
            place = SEVERITIES.index(wanted[0])
            wanted = {
                ">": SEVERITIES[place + 1 :], ">=": SEVERITIES[place:], "<": SEVERITIES[:place], "<=": SEVERITIES[: place + 1],
            }[operator]  # fmt: skip
            if not wanted:
                raise FilterError("no severity beyond the limit")
        if wanted == ["unknown"]:
            return missing
        return lambda alert: (alert.get(name) or "").lower() in wanted

    return missing, term


def member_term(values, matching):
    """A term on the members that `values` finds. `matching(value)` tests one of them."""

    def term(operator, value):
        if operator == "~":
            return any_text(values, regex(value).search)
        if operator not in (":", "="):
            raise FilterError("order on a field without order")
        pattern = value.wildcard() if operator == ":" else None
        if pattern:
            return any_text(values, lambda text: pattern.fullmatch(folded(text)))
        return any_text(values, matching(value))

    return term


def item_member(name):
    values = lambda alert: texts(alert, ([], [name], {}))  # noqa: E731

    def matching(value):
        wanted = declared(name, value)
        return lambda text: text.lower() in wanted

    return lambda alert: all(map(is_missing, values(alert))), member_term(values, matching)


def evidence_type():
    # Items within items count, as other properties do at any depth.
    values = lambda alert: [  # noqa: E731
        text for path, _, text in walk(alert.get("evidence") or []) if path[-1] == "@odata.type"
    ]
    known = [short_type(name).lower() for name in SCHEMA["evidenceTypes"]]

    def matching(value):
        if value.text.lower() not in known and not value.quoted:
            raise FilterError("unknown member")
        return lambda text: short_type(text).lower() == value.text.lower()

    return lambda alert: not values(alert), member_term(values, matching)


def assigned(context):
    values = lambda alert: [owner for owner in [alert.get("assignedTo")] if owner is not None]  # noqa: E731

    def term(operator, value):
        if operator == "~":
            return any_text(values, regex(value).search)
        if operator not in (":", "="):
            raise FilterError("order on a field without order")
        if value.is_word("me"):
            return any_text(values, lambda text: folded(text) == folded(context.me))
        pattern, wanted = value.wildcard() if operator == ":" else None, folded(value.text)
        if pattern:
            return any_text(values, lambda text: pattern.fullmatch(folded(text)))
        if operator == "=" or "@" in wanted:
            return any_text(values, lambda text: folded(text) == wanted)
        return any_text(values, lambda text: wanted in folded(text))

    return lambda alert: not alert.get("assignedTo"), term


def technique():
    values = lambda alert: texts(alert, (["mitreTechniques"], [], {}))  # noqa: E731
    label = lambda text: ATTACK.get(text.upper(), ("", []))[0]  # noqa: E731

    def term(operator, value):
        if operator == "~":
            pattern = regex(value)
            return any_text(values, lambda text: pattern.search(text) or pattern.search(label(text)))
        if operator not in (":", "="):
            raise FilterError("order on a field without order")
        pattern, wanted = value.wildcard() if operator == ":" else None, folded(value.text)
        if pattern:
            return any_text(values, lambda text: pattern.fullmatch(folded(text)) or pattern.fullmatch(folded(label(text))))
        if re.match(r"t\d", wanted):
            found = [wanted]
        elif operator == "=":
            found = [key.lower() for key, (name, _) in ATTACK.items() if folded(name) == wanted]
        else:
            found = [key.lower() for key, (name, _) in ATTACK.items() if wanted in folded(name)]
        if not found and not value.quoted:
            raise FilterError("unknown technique")
        if operator == "=":
            return any_text(values, lambda text: text.lower() in found)
        return any_text(values, lambda text: text.lower() in found or text.lower().split(".")[0] in found)

    return lambda alert: all(map(is_missing, values(alert))), term


def spellings(name):
    """A tactic as in alerts, in words, and with hyphens."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", name)
    return [name, words, words.replace(" ", "-")]


def tactic():
    categories = lambda alert: texts(alert, (["category", "categories"], [], {}))  # noqa: E731

    def served(alert):
        techniques = texts(alert, (["mitreTechniques"], [], {}))
        return [tactic for text in techniques for tactic in ATTACK.get(text.upper(), ("", []))[1]]

    def both(alert):
        return [*categories(alert), *served(alert)]

    def matching(matches):
        """Tactics that match in any spelling, and categories that match as sent."""
        meant = {folded(name) for name in TACTICS if any(map(matches, spellings(name)))}
        sent, spelled = any_text(categories, matches), any_text(both, lambda text: folded(text) in meant)
        return lambda alert: sent(alert) or spelled(alert)

    def term(operator, value):
        if operator == "~":
            return matching(regex(value).search)
        if operator not in (":", "="):
            raise FilterError("order on a field without order")
        pattern, wanted = value.wildcard() if operator == ":" else None, folded(value.text)
        if pattern:
            return matching(lambda text: pattern.fullmatch(folded(text)))
        known = {folded(name): folded(name) for name in TACTICS}
        if value.quoted:
            wanted = known.get(re.sub(r"[ -]", "", wanted), wanted)
        elif wanted == "c2":
            wanted = "commandandcontrol"
        elif wanted not in known:
            raise FilterError("unknown tactic")
        return any_text(both, lambda text: folded(text) == wanted)

    def missing(alert):
        return not served(alert) and not any(text in TACTICS for text in categories(alert))

    return missing, term


# Dates


def since_year_one(moment):
    since = moment - datetime(1, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86400 + since.seconds) * 10_000_000 + since.microseconds * 10


def sent_time(text):
    """The time of an alert, or None if it is missing."""
    found = ticks(text) if text else None
    return None if found is None or text.startswith("0001") else found


def duration(text, now):
    match = re.fullmatch(r"(\d+)([smhdw])", text)
    return since_year_one(now) - int(match.group(1)) * UNITS[match.group(2)] if match else None


def span(value_text, quoted, now):
    """The start of the span that a date names, and what follows it."""
    text = value_text.lower()
    if text in ("today", "yesterday"):
        start = since_year_one(now) // DAY * DAY - (DAY if text == "yesterday" else 0)
        return start, start + DAY
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        try:
            start = since_year_one(datetime.fromisoformat(text).replace(tzinfo=timezone.utc))
        except ValueError as error:
            raise FilterError("not a date") from error
        return start, start + DAY
    if quoted:
        text = text.replace(" ", "t", 1)
    match = re.fullmatch(r"\d{4}-\d\d-\d\dt\d\d:\d\d(:\d\d)?(\.\d{1,7})?(z|[+-]\d\d:\d\d)?", text)
    start = ticks(text) if match else None
    if start is None:
        raise FilterError("not a date")
    size = 1 if match.group(2) else UNITS["s"] if match.group(1) else UNITS["m"]
    return start, start + size


def date_field(name, context, ages_only):
    time = lambda alert: sent_time(alert.get(name))  # noqa: E731
    now = context.now

    def limits(text, quoted):
        moment = duration(text, now)
        if moment is not None:
            return moment, moment + 1, True
        if ages_only:
            raise FilterError("not a duration")
        return *span(text, quoted, now), False

    def within(start, end):
        return lambda alert: (at := time(alert)) is not None and (start is None or start <= at) and (end is None or at < end)

    def term(operator, value):
        if operator == "~":
            raise FilterError("regular expression on a date")
        text = value.text
        if ".." in text:
            if operator not in (":", "="):
                raise FilterError("range with an order operator")
            first, last = text.split("..", 1)
            first, last = (limits(part, value.quoted) if part else None for part in (first, last))
            if first and last and first[2] and last[2] and first > last:
                first, last = last, first
            start, end = first and first[0], last and last[1]
            if start is not None and end is not None and start >= end:
                raise FilterError("range that holds nothing")
            return within(start, end)
        start, end, is_age = limits(text, value.quoted)
        if is_age:
            if operator in (":", "="):
                raise FilterError("single duration")
            # Less long ago is later.
            return {
                "<": within(start + 1, None), "<=": within(start, None), ">": within(None, start), ">=": within(None, start + 1),
            }[operator]  # fmt: skip
        return {
            ":": within(start, end), "=": within(start, end), ">=": within(start, None), ">": within(end, None),
            "<": within(None, start), "<=": within(None, end),
        }[operator]  # fmt: skip

    return lambda alert: time(alert) is None, term
