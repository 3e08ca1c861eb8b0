"""alertdeck's filter language: a parser and an evaluator written from docs/filter-language.md alone.

Do not look at the program when changing these files: they are worth something only as a second
reading of the documentation. `fields.py` holds its tables, `terms.py` the meaning of each term.
"""

import re

from terms import FilterError, Value, bare, field

OPERATOR = re.compile(r"!=|>=|<=|[:=><~]")
NAME = re.compile(r"[A-Za-z@][A-Za-z0-9_.]*")


class Parser:
    """Reads a filter into functions from alerts to bool."""

    def __init__(self, text, context):
        self.text = text
        self.at = 0
        self.context = context

    def parse(self):
        self.blank()
        if self.at == len(self.text):
            return lambda alert: True
        test = self.any_of()
        if self.at < len(self.text):
            raise FilterError("closing parenthesis without an opening one")
        return test

    def blank(self):
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def word(self, *words):
        """Takes an operator in letters, which ends at a space, a parenthesis or the end."""
        for word in words:
            end = self.at + len(word)
            if self.text[self.at : end].lower() == word and (self.text[end : end + 1] in ("", "(", ")") or self.text[end].isspace()):
                self.at = end
                return True
        return False

    def sign(self, *signs):
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                return True
        return False

    def any_of(self):
        tests = [self.all_of()]
        while True:
            self.blank()
            if not (self.word("or") or self.sign("||", "|")):
                return tests[0] if len(tests) == 1 else lambda alert: any(test(alert) for test in tests)
            tests.append(self.all_of())

    def all_of(self):
        tests = [self.negated()]
        while True:
            self.blank()
            if self.word("and") or self.sign("&&"):
                tests.append(self.negated())
                continue
            start = self.at
            ends = self.at == len(self.text) or self.text[self.at] in ")|" or self.word("or")
            self.at = start
            if ends:
                return tests[0] if len(tests) == 1 else lambda alert: all(test(alert) for test in tests)
            tests.append(self.negated())

    def negated(self):
        self.blank()
        if self.word("not"):
            test = self.negated()
            return lambda alert: not test(alert)
        if self.sign("-", "!"):
            if self.at == len(self.text) or self.text[self.at].isspace() or self.text[self.at] == ")":
                raise FilterError("nothing to negate")
            test = self.negated()
            return lambda alert: not test(alert)
        if self.sign("("):
            test = self.any_of()
            self.blank()
            if not self.sign(")"):
                raise FilterError("parenthesis not closed")
            return test
        if self.at == len(self.text) or self.text[self.at] in ")|" or self.word("or", "and"):
            raise FilterError("a condition is missing")
        return self.term()

    def term(self):
        name = NAME.match(self.text, self.at)
        operator = OPERATOR.match(self.text, name.end()) if name else None
        if not operator or self.is_text(name.group(), name.end()):
            return bare(self.value(False))
        self.at = operator.end()
        listed = operator.group() != "~"
        values = [self.value(listed)]
        while listed and self.sign(","):
            values.append(self.value(listed))
        return field(name.group(), operator.group(), values, self.context)

    def is_text(self, name, colon):
        rest = self.text[colon:]
        if not rest.startswith(":"):
            return False
        word = re.match(r"[^\s()]*", self.text[self.at :]).group()
        if len(name) == 1 and rest[1:2] in ("\\", "/") or rest.startswith("://"):
            return True
        return word.count(":") >= 2 and re.fullmatch(r"[0-9a-fA-F:./]+(%.*)?", word) is not None

    def value(self, listed):
        runs, plain, depth = [], "", 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char.isspace() or (char == ")" and depth == 0) or (char == "," and listed):
                break
            if char == '"':
                runs.append((plain, False))
                plain = ""
                quoted = re.compile(r'"((?:[^"]|"")*)"').match(self.text, self.at)
                if not quoted:
                    raise FilterError("quote not closed")
                runs.append((quoted.group(1).replace('""', '"'), True))
                self.at = quoted.end()
                continue
            depth += (char == "(") - (char == ")")
            plain += char
            self.at += 1
        runs = [(text, quoted) for text, quoted in [*runs, (plain, False)] if text or quoted]
        if not "".join(text for text, _ in runs):
            raise FilterError("value missing")
        if depth:
            raise FilterError("parenthesis not closed")
        return Value(runs)


class Context:
    """What a filter depends on besides the alert."""

    def __init__(self, me, now):
        self.me = me
        self.now = now


def parse(text, context):
    """A function from alerts to bool; raises `FilterError`."""
    return Parser(text, context).parse()
