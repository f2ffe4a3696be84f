"""Finds the string literals and html`` templates of a JavaScript module. Knows comments, strings, nested templates and
regular expressions as the console writes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HOLE = "\x00"
"""Stands for an expression in a template."""
_REGEX_MAY_FOLLOW = re.compile(r"(?:^|[=(,:;!&|?{}\[\n>+]|\breturn|\btypeof)\s*$")
_REGEX_LITERAL = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_STRING = {quote: re.compile(rf"{quote}((?:\\.|[^{quote}\\\n])*){quote}") for quote in "\"'"}


@dataclass(frozen=True)
class Literal:
    """`text`: expressions of a template are `HOLE`s. `before`: the code in front of it in its line.
    `in_markup`: it stands in an expression of an html`` template."""

    kind: str
    text: str
    line: int
    before: str
    in_markup: bool


def literals(source: str) -> list[Literal]:
    """All literals, kinds `string`, `template` and `html`, in the order of their ends."""
    found: list[Literal] = []
    _Scanner(source, found).code(0, in_markup=False)
    return found


class _Scanner:
    def __init__(self, source: str, found: list[Literal]) -> None:
        self._source, self._found = source, found

    def code(self, at: int, in_markup: bool) -> int:
        """Reads code until its closing brace or the end. → the place after it"""
        depth = 0
        while at < len(self._source):
            character = self._source[at]
            if character in "{}":
                depth += 1 if character == "{" else -1
                if depth < 0:
                    return at + 1
            at = self._token(at, in_markup)
        return at

    def _token(self, at: int, in_markup: bool) -> int:
        source = self._source
        if source.startswith("//", at):
            return self._after("\n", at)
        if source.startswith("/*", at):
            return self._after("*/", at)
        if source[at] == "/" and _REGEX_MAY_FOLLOW.search(source[max(0, at - 12) : at]):
            match = _REGEX_LITERAL.match(source, at)
            return match.end() if match else at + 1
        if source[at] in _STRING:
            match = _STRING[source[at]].match(source, at)
            assert match, f"line {self._line(at)}: a string without an end"
            self._add("string", match[1], at, in_markup)
            return match.end()
        if source[at] == "`":
            return self._template(at, in_markup)
        return at + 1

    def _after(self, mark: str, at: int) -> int:
        place = self._source.find(mark, at)
        return len(self._source) if place < 0 else place + len(mark)

    def _template(self, start: int, in_markup: bool) -> int:
        is_html = self._source[:start].endswith("html")
        at, text = start + 1, list[str]()
        while self._source[at] != "`":
            if self._source.startswith("${", at):
                at = self.code(at + 2, in_markup or is_html)
                text.append(HOLE)
            elif self._source[at] == "\\":
                text.append(self._source[at + 1])
                at += 2
            else:
                text.append(self._source[at])
                at += 1
        self._add("html" if is_html else "template", "".join(text), start, in_markup)
        return at + 1

    def _add(self, kind: str, text: str, at: int, in_markup: bool) -> None:
        before = self._source[self._source.rfind("\n", 0, at) + 1 : at]
        self._found.append(Literal(kind, text, self._line(at), before, in_markup))

    def _line(self, at: int) -> int:
        return self._source.count("\n", 0, at) + 1


_TAG = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([\w-]+)=(?:"([^"]*)"|'([^']*)')""")


def texts_of_markup(markup: str) -> Iterator[str]:
    """What stands between the tags of an html`` template."""
    for text in re.split(HOLE, _TAG.sub(HOLE, markup)):
        if text.strip():
            yield text.strip()


def attributes_of_markup(markup: str) -> Iterator[tuple[str, str]]:
    """The attributes with a literal value."""
    for tag in _TAG.findall(markup):
        for name, double, single in _ATTRIBUTE.findall(tag):
            yield name, (double or single).replace(HOLE, " ")
