"""What the console says stands in the tables of words, in all languages, and nowhere else."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from services.api.web_console.console_files import CONSOLE_ROOT
from tests.unit.api.javascript_literals import HOLE, Literal, attributes_of_markup, literals, texts_of_markup

ROOT = CONSOLE_ROOT / "js"
TABLES = sorted((ROOT / "words").glob("*.js"))
LANGUAGES = ("en", "es", "pt-BR")
BRAND = {"Switchboard"}
SPOKEN_ATTRIBUTES = {
    *("aria-label", "aria-description", "aria-roledescription", "title", "placeholder", "alt"),
    *("label", "text", "hint", "subtitle", "action"),
}
"""Attributes of elements and properties of components that a person reads."""
LETTER = re.compile(r"[^\W\d_]")
SENTENCE = re.compile(r"^[A-ZÁÉÍÓÚ][^\W\d_]*'?[^\W\d_]* [^\W\d_]+.*")
"""Begins like something that is said: a capital, and a second word."""
KEY = re.compile(r"^[a-z]\w*(?:\.\w+)+$")
CALL = re.compile(r"\b(?:t|tParts|hasWords)\(\s*$")
FIELD = re.compile(r"\{(\w+)\}")
READ_TABLES = """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const files = JSON.parse(readFileSync(0, "utf-8"));
const tables = {};
for (const file of files) {
  tables[file] = [];
  globalThis.addWords = (words) => tables[file].push(...Object.entries(words));
  const source = readFileSync(file, "utf-8").replace(/^import .*language\\.js";$/m, "");
  await import(`data:text/javascript,${encodeURIComponent(source)}`);
}
console.log(JSON.stringify(tables));
"""
REPLACED_WITH_THEIR_PAGES = ("format.js", "pages/inbox/unsent_messages.js")
"""Modules of pages that draw without components; beside those that import dom.js or widgets.js."""
Texts = list[Any]


@cache
def entries() -> list[tuple[Path, str, Texts]]:
    """(file, key, texts) of every row of every table."""
    read = subprocess.run(
        ["node", "--input-type=module", "--eval", READ_TABLES],
        input=json.dumps([str(file) for file in TABLES]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(Path(file), key, texts) for file, rows in json.loads(read.stdout).items() for key, texts in rows]


def _is_replaced_with_its_page(source: str) -> bool:
    """It draws without components, and says English words until then."""
    return re.search(r'from "[./]*(?:components/)?(?:dom|widgets)\.js"', source) is not None


@cache
def modules() -> dict[str, str]:
    """The source of every module that may say something, by its path below js/."""
    sources = {file.relative_to(ROOT).as_posix(): file.read_text() for file in sorted(ROOT.rglob("*.js"))}
    return {path: source for path, source in sources.items() if not path.startswith("words/")}


def _speaking_modules() -> list[str]:
    quiet = ("gallery/", "components/dom.js", *REPLACED_WITH_THEIR_PAGES)
    return [
        path
        for path, source in modules().items()
        if not path.startswith(quiet) and not _is_replaced_with_its_page(source)
    ]


def words_outside_the_tables(source: str) -> list[str]:
    """Each with its line."""
    return [f"line {literal.line}: {said}" for literal in literals(source) for said in _said(literal)]


def _said(literal: Literal) -> Iterator[str]:
    if literal.kind == "html":
        for text in texts_of_markup(literal.text):
            if LETTER.search(text) and text not in BRAND:
                yield text
        for name, value in attributes_of_markup(literal.text):
            if name in SPOKEN_ATTRIBUTES and LETTER.search(value) and value not in BRAND:
                yield f'{name}="{value}"'
    elif SENTENCE.match(re.sub(rf"[\s{HOLE}]+", " ", literal.text)) and not re.search(
        r"\bError\($|console\.", literal.before
    ):
        yield literal.text.replace(HOLE, "…")


@pytest.mark.parametrize("path", _speaking_modules())
def test_a_module_says_nothing_that_is_not_in_a_table(path: str) -> None:
    assert words_outside_the_tables(modules()[path]) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("html`<p>Hello</p>`", ["line 1: Hello"]),
        ("html`<p>${name} is here</p>`", ["line 1: is here"]),
        ('html`<button aria-label="Send it" />`', ['line 1: aria-label="Send it"']),
        ('html`<${Field} label="Name" name="x" />`', ['line 1: label="Name"']),
        ('html`<p class="small">${ok ? t("a.b") : "Not now"}</p>`', ["line 1: Not now"]),
        ("html`<b>${rows.map((row) => html`<i>Row</i>`)}</b>`", ["line 1: Row"]),
        ('\ntoast("It was saved")', ["line 2: It was saved"]),
        ("toast(`Saved ${n} of them`)", ["line 1: Saved … of them"]),
        ("// It's a comment\nconst a = /[\"']x`/.test(b); /* It is `one` */", []),
        ('throw new Error("Not a known kind")', []),
        ('html`<p title=${t("a.b")} class="Some class" data-x="y">${1 > 2 && text} · 5</p>`', []),
        ('html`<div class="brand">Switchboard</div>`', []),
        ('html`<a onClick=${() => { go("x"); }} href="#/y">${t("a.b")}</a>`', []),
    ],
)
def test_words_outside_the_tables_are_found(source: str, found: list[str]) -> None:
    assert words_outside_the_tables(source) == found


def problems_of(texts: Texts) -> list[str]:
    """What is wrong with a row of a table."""
    if len(texts) != len(LANGUAGES):
        return [f"has {len(texts)} texts for {len(LANGUAGES)} languages"]
    forms = [list(text.values()) if isinstance(text, dict) else [text] for text in texts]
    found = [
        f"{language}: a form of the plural is missing"
        for language, text in zip(LANGUAGES, texts, strict=True)
        if isinstance(text, dict) and not {"one", "other"} <= set(text)
    ]
    for language, variants in zip(LANGUAGES, forms, strict=True):
        if not all(isinstance(text, str) and text.strip() for text in variants):
            found.append(f"{language}: empty")
            continue
        wanted = {name for text in forms[0] for name in FIELD.findall(str(text))}
        given = {name for text in variants for name in FIELD.findall(text)}
        found += [f"{language}: unknown field {{{name}}}" for name in sorted(given - wanted)]
        found += [f"{language}: without the field {{{name}}}" for name in sorted(wanted - given)]
    if len({isinstance(text, dict) for text in texts}) > 1:
        found.append("plural forms in some languages only")
    return found


def test_every_text_is_there_in_every_language_with_the_same_fields() -> None:
    wrong = [f"{file.name}: {key}: {found}" for file, key, texts in entries() for found in problems_of(texts)]
    assert wrong == []


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["Yes", "Sí", "Sim"], []),
        (["Yes", "Sí"], ["has 2 texts for 3 languages"]),
        (["Yes", " ", "Sim"], ["es: empty"]),
        (
            ["{n} of {all}", "{n} de {todos}", "{n} de {all}"],
            ["es: unknown field {todos}", "es: without the field {all}"],
        ),
        ([{"other": "{n} a"}] * 3, [f"{language}: a form of the plural is missing" for language in LANGUAGES]),
        ([{"one": "{n} a", "other": "{n} b"}, "{n} c", "{n} d"], ["plural forms in some languages only"]),
    ],
)
def test_wrong_rows_are_found(texts: Texts, found: list[str]) -> None:
    assert problems_of(texts) == found


def test_no_key_is_in_two_tables() -> None:
    keys = [key for _, key, _ in entries()]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


def test_every_key_that_a_module_uses_is_in_a_table() -> None:
    known = {key for _, key, _ in entries()}
    areas = {key.split(".")[0] for key in known}
    missing = []
    for path, source in modules().items():
        for literal in literals(source):
            is_key = CALL.search(literal.before) or (KEY.match(literal.text) and literal.text.split(".")[0] in areas)
            if literal.kind == "string" and is_key and literal.text not in known:
                missing.append(f"{path}, line {literal.line}: {literal.text}")
    assert missing == []


def test_every_key_of_a_table_is_used() -> None:
    used, patterns = set[str](), set[str]()
    for source in modules().values():
        for literal in literals(source):
            if literal.kind == "string":
                used.add(literal.text)
            elif literal.kind == "template" and re.match(r"^[a-z]\w*\.", literal.text):
                patterns.add(literal.text)
    expressions = [
        re.compile("".join(r"[\w.]+" if part == HOLE else re.escape(part) for part in re.split(f"({HOLE})", pattern)))
        for pattern in patterns
    ]
    # words of several pages are there before the pages
    waits = any(_is_replaced_with_its_page(source) for source in modules().values())
    unused = [
        key
        for file, key, _ in entries()
        if key not in used
        and not any(expression.fullmatch(key) for expression in expressions)
        and not (waits and file.name == "common.js")
    ]
    assert unused == []
