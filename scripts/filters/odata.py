"""Random OData filters, and what they select: parsed by the package odata-query, evaluated here.

The evaluation follows OData 4.01, "URL Conventions", 5.1.1.1: `null` equals only itself, an order with
`null` is false, members of an enumeration are ordered by their values. Where alertdeck deviates on
purpose, `DELIBERATE` says so.
"""

import itertools
import re
from datetime import datetime, timezone

from alerts import OWNERS, members
from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

# What alertdeck does in another way, and why; the same as in docs/filter-language.md, "Differences from
# other evaluators".
DELIBERATE = {
    "case": "owners and members are compared without regard to case: Graph itself prints members in several cases, "
    "and one owner in several spellings",
    "blank": "a blank member counts as unknown, and so does a missing or null severity, status or source: a service "
    'that follows the schema sends neither, and where one arrives, it stands for "not known"',
    "unset": "a time of year 1 counts as null: it is the unset value of .NET",
    "lenient": "`not` before a comparison negates the comparison, and a day stands for its first moment in UTC: what "
    "is meant is clear, and it is sent in the form that the service accepts",
    "refused": "functions, and comparisons of two properties or of two values, are refused: Graph documents none of "
    "them for this collection, and its error would not say what is wrong",
}
# The deviations that the judge tries, the fewest first.
DEVIATIONS = [kind for size in range(4) for kind in itertools.combinations(["case", "blank", "unset"], size)]

ENUMERATIONS = {
    "severity": "alertSeverity",
    "status": "alertStatus",
    "classification": "alertClassification",
    "determination": "alertDetermination",
    "serviceSource": "serviceSource",
}
NEVER_NULL = ["severity", "status", "serviceSource"]
DATES = ["createdDateTime", "lastUpdateDateTime"]
PROPERTIES = {name.lower(): name for name in [*ENUMERATIONS, *DATES, "assignedTo"]}


# Random filters


def any_case(random, text):
    return "".join(random.choice([c.lower(), c.upper()]) for c in text) if random.random() < 0.1 else text


def space(random):
    return random.choice([" "] * 8 + ["  "])


def literal(random, name, alerts):
    """A value for the property, as the program reads it and as odata-query does."""
    if random.random() < 0.12:
        return "null", "null"
    if name in DATES:
        text = date(random, name, alerts)
        return text, text
    if name == "assignedTo":
        value = random.choice(OWNERS)
        if random.random() < 0.2:
            value = random.choice(["m", "Zz", "ana", "ß", "''"])
        text = "'" + any_case(random, value).replace("'", "''") + "'"
        return text, text
    text = "'" + any_case(random, random.choice([m for m in members(ENUMERATIONS[name]) if m != "unknownFutureValue"])) + "'"
    # odata-query does not read the type of a member.
    return (f"microsoft.graph.security.{ENUMERATIONS[name]}{text}", text) if random.random() < 0.1 else (text, text)


def date(random, name, alerts):
    """A time: often one of an alert, or a tick beside it."""
    sent = [a.get(name) for a in alerts if re.match(r"20..-", a.get(name) or "") and not a[name].endswith(("z", "+02:00"))]
    text = random.choice(sent) if random.random() < 0.6 else "2026-01-0%dT%02d:00:00Z" % (random.randint(1, 6), random.randint(0, 23))
    text = re.sub(r"(Z|\+00:00)?$", random.choice(["Z"] * 6 + ["+00:00", "+02:00", "-05:30"]), text, count=1)
    return random.choice([text] * 6 + [text[:16] + "Z"])


def comparison(random, alerts):
    name = random.choice(list(PROPERTIES.values()))
    shown = any_case(random, name)
    if random.random() < 0.12:
        values = [literal(random, name, alerts) for _ in range(random.randint(1, 4))]
        comma = random.choice([",", ", ", " , "])
        ours, theirs = (comma.join(value[side] for value in values) for side in (0, 1))
        # odata-query takes a list of one value only with a comma, as in Python.
        theirs += "," if len(values) == 1 else ""
        operator = any_case(random, "in")
        return f"{shown} {operator} ({ours})", f"{shown} {operator} ({theirs})"
    operator = space(random) + any_case(random, random.choice(["eq", "ne", "gt", "ge", "lt", "le"])) + space(random)
    ours, theirs = literal(random, name, alerts)
    if name in DATES and random.random() < 0.01:
        ours = theirs = "2026-01-03"
    prefix = "not " if random.random() < 0.003 else ""
    if random.random() < 0.2:
        return prefix + ours + operator + shown, prefix + theirs + operator + shown
    return prefix + shown + operator + ours, prefix + shown + operator + theirs


def outside(random):
    """An expression that OData allows and alertdeck refuses."""
    return random.choice(
        [
            "startswith(assignedTo,'ana')",
            "contains(assignedTo, 'contoso')",
            "tolower(assignedTo) eq 'ana@contoso.com'",
            "createdDateTime lt lastUpdateDateTime",
            "year(createdDateTime) eq 2026",
            "severity eq severity",
            "'high' eq 'high'",
        ]
    )


def expression(random, alerts, depth=0):
    chance = random.random()
    if depth >= 4 or chance < 0.35 + 0.1 * depth:
        if random.random() < 0.006:
            text = outside(random)
            return text, text
        return comparison(random, alerts)
    if chance < 0.8:
        operator = any_case(random, random.choice(["and", "or"]))
        parts = [expression(random, alerts, depth + 1) for _ in range(random.choice([2, 2, 3]))]
        # Without parentheses, the precedence of the operators decides.
        return tuple(f" {operator} ".join(part[side] for part in parts) for side in (0, 1))
    inner = expression(random, alerts, depth + 1)
    prefix = any_case(random, "not") + " " if chance < 0.92 else ""
    pad = random.choice(["", "", "", " "])
    return tuple(f"{prefix}({pad}{part}{pad})" for part in inner)


def filters(random, alerts, count):
    """Pairs of a filter and the same filter for odata-query."""
    for _ in range(count):
        ours, theirs = expression(random, alerts)
        start = random.choice(["$"] * 5 + ["$filter=", "$Filter="])
        yield start + ours, theirs


# What they select


def holds(node, in_comparison, otherwise):
    """Whether a part of the expression passes: `in_comparison` tests the two sides of a comparison,
    `otherwise` is the answer for anything else."""
    match node:
        case ast.BoolOp(_, left, right):
            return any(holds(side, in_comparison, otherwise) for side in (left, right))
        case ast.UnaryOp(_, operand):
            return holds(operand, in_comparison, otherwise)
        case ast.Compare(_, left, right):
            return in_comparison([left, right])
    return otherwise


def outside_of(node):
    """Whether the expression holds something that alertdeck refuses."""

    def is_outside(sides):
        sides = [side.operand if isinstance(side, ast.UnaryOp) else side for side in sides]
        kinds = {isinstance(side, ast._Literal) for side in sides}
        return kinds != {True, False} or not any(isinstance(side, ast.Identifier) for side in sides)

    return holds(node, is_outside, otherwise=True)


def is_lenient(node):
    """Whether the expression holds something that OData refuses and alertdeck reads."""
    return holds(
        node, lambda sides: any(isinstance(side, (ast.UnaryOp, ast.Date)) for side in sides), otherwise=False
    )


def parse(text):
    try:
        return ODataParser().parse(ODataLexer().tokenize(text))
    except ODataException as error:
        raise ValueError(f"odata-query cannot read {text}: {error}") from error


def ticks(text):
    """A time in units of 100 ns since year 1, or None if it cannot be read."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)?", text.upper())
    if not match:
        return None
    day, minute, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    moment = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{zone}")
    start = datetime(1, 1, 1, tzinfo=timezone.utc)
    if day.startswith("0001"):
        moment = moment.replace(tzinfo=timezone.utc)
    since = moment - start
    return (since.days * 86400 + since.seconds) * 10_000_000 + int((fraction or "").ljust(7, "0"))


def folded(text):
    return "".join(c.lower() for c in text)


class Evaluator:
    """Evaluates expressions on alerts, with the given deviations of `DELIBERATE`."""

    def __init__(self, deviations):
        self.deviations = deviations

    def selects(self, node, alert):
        match node:
            case ast.BoolOp(ast.And(), left, right):
                return self.selects(left, alert) and self.selects(right, alert)
            case ast.BoolOp(ast.Or(), left, right):
                return self.selects(left, alert) or self.selects(right, alert)
            case ast.UnaryOp(ast.Not(), operand):
                return not self.selects(operand, alert)
            case ast.Compare(ast.In(), left, ast.List(values)):
                return any(self.compare(ast.Eq(), left, value, alert) for value in values)
            case ast.Compare(operator, left, right):
                return self.compare(operator, left, right, alert)
        raise ValueError(f"not a condition: {node}")

    def compare(self, operator, left, right, alert):
        if isinstance(left, ast.UnaryOp):
            return not self.compare(operator, left.operand, right, alert)
        match left, right:
            case ast.Identifier(), ast._Literal():
                name, value, turned = PROPERTIES[left.name.lower()], right, False
            case ast._Literal(), ast.Identifier():
                name, value, turned = PROPERTIES[right.name.lower()], left, True
            case _:
                raise ValueError(f"not a property and a value: {left} {right}")
        sent = self.sent(name, alert)
        given = self.given(name, value)
        if isinstance(operator, (ast.Eq, ast.NotEq)):
            return (sent == given) == isinstance(operator, ast.Eq)
        if sent is None or given is None or not isinstance(sent, type(given)):
            return False
        a, b = (given, sent) if turned else (sent, given)
        match operator:
            case ast.Gt():
                return a > b
            case ast.GtE():
                return a >= b
            case ast.Lt():
                return a < b
            case ast.LtE():
                return a <= b
        raise ValueError(f"not an operator: {operator}")

    def sent(self, name, alert):
        """The alert's value: None, a text, or a number that orders it."""
        text = alert.get(name)
        if name in ENUMERATIONS and "blank" in self.deviations:
            missing = text is None and name in NEVER_NULL
            text = "unknown" if missing or text is not None and not text.strip() else text
        if text is None:
            return None
        if name in DATES:
            value = ticks(text)
            return None if "unset" in self.deviations and text.startswith("0001") else value
        return self.value(name, text)

    def given(self, name, literal):
        if isinstance(literal, ast.Null):
            return None
        if isinstance(literal, ast.Date):
            return ticks(literal.val + "T00:00:00Z")
        return ticks(literal.val) if name in DATES else self.value(name, literal.val)

    def value(self, name, text):
        if "case" in self.deviations:
            text = folded(text)
        if name == "assignedTo":
            return text
        known = {(folded(m) if "case" in self.deviations else m): v for m, v in members(ENUMERATIONS[name]).items()}
        return known.get(text, text)


def judge(text, alerts):
    """The IDs that a filter selects, without and then with more and more of the deviations."""
    tree = parse(text)
    if outside_of(tree):
        yield (), frozenset()
        yield ("refused",), None
        return
    lenient = ("lenient",) if is_lenient(tree) else ()
    if lenient:
        yield (), None
    for kind in DEVIATIONS:
        evaluator = Evaluator(kind)
        yield lenient + kind, frozenset(alert["id"] for alert in alerts if evaluator.selects(tree, alert))


def as_alertdeck(text, alerts):
    """The IDs that a filter selects with every deviation."""
    evaluator, tree = Evaluator(DEVIATIONS[-1]), parse(text)
    return frozenset(alert["id"] for alert in alerts if evaluator.selects(tree, alert))
