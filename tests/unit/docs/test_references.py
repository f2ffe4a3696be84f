"""Every link and every path in the documentation leads to a file of the project."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:services|shared|simulator|deploy|docs|tests)/[\w./-]*)`")
_MODULE = re.compile(r"`([\w./-]+\.(?:py|js))`")
_TEST_MODULE = re.compile(r"`(test_\w+)`")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    text = _CODE_BLOCK.sub("", page.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(text)}


SOURCES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("services", "shared", "simulator", "deploy", "docs", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".js")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_paths_exist(page: Path) -> None:
    text = _CODE_BLOCK.sub("", page.read_text())
    missing = [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    if "guide" not in page.parts:  # there, readers save programs under names of their own
        names = {name.removeprefix("./") for name in _MODULE.findall(text)}
        missing += [
            name for name in names if not any(source.endswith(f"/{name}") or source == name for source in SOURCES)
        ]
    missing += [module for module in _TEST_MODULE.findall(text) if not any(ROOT.glob(f"tests/**/{module}.py"))]
    for target in _LINK.findall(text):
        name, _, anchor = target.partition("#")
        if ":" in name:
            continue
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            missing.append(target)
    assert missing == []
