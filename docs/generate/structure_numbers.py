"""Figures about the structure of the code.

    python -m docs.generate.structure_numbers [--root PATH] [--json] [--message-path]

Reads the sources without importing them, so `--root` may be any older checkout. `--message-path` adds how many files
one received message runs through, by running tests/integration/router/test_message_path.py of this checkout.
"""

import argparse
import ast
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PRODUCT_FOLDERS = ("services", "shared")
CLASS_FOLDERS = ("services", "shared", "simulator", "deploy", "docs")
LINE_FOLDERS = ("services", "shared", "simulator", "deploy", "docs", "tests")
COMMON_FILE_NAMES = frozenset({"__init__.py", "__main__.py", "app.py", "main.py", "settings.py"})
"""File names that may occur in every service."""
NATS_METHODS = frozenset(
    (
        *("subscribe", "pull_subscribe", "subscriber", "publisher", "request", "respond", "publish", "publish_async"),
        *("key_value", "create_key_value", "stream_info", "add_stream", "update_stream", "purge_stream"),
        *("consumer_info", "consumers_info", "add_consumer", "delete_consumer", "next_msg", "fetch"),
        *("get_msg", "get_last_msg", "delete_msg"),
    )
)
_RECEIVERS = {"js": "js", "jetstream": "js", "stream": "js", "broker": "broker", "nats": "client", "client": "client"}
"""What the name of a receiver contains → what the receiver is; other names are reported as they are."""


@dataclass(frozen=True)
class Source:
    """One Python file of the checkout; `name` is its path from the root."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def imports(self) -> Iterator[str]:
        """Every name it imports, with its module: `a.b` and `a.b.c` for `from a.b import c`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@dataclass(frozen=True)
class StructureNumbers:
    """`session_entries`: files and folders at the root of services/session; `session_edges`: imports between these.

    `nats_forms`: how NATS is called, with the files that do. The duplicates: name → files, for two files or more.
    """

    session_entries: int
    session_edges: int
    shared_files: int
    shared_edges: int
    nats_importers: list[str]
    nats_forms: dict[str, list[str]]
    duplicate_classes: dict[str, list[str]]
    duplicate_file_names: dict[str, list[str]]
    lines: dict[str, int]
    longest_file: tuple[str, int]

    def rows(self) -> Iterator[tuple[str, str]]:
        """What is counted, and the figure."""
        yield "services/session: files and folders at its root", str(self.session_entries)
        yield "services/session: imports between these", str(self.session_edges)
        yield "shared: files", str(self.shared_files)
        yield "shared: imports between them", str(self.shared_edges)
        yield "files that import `nats`", str(len(self.nats_importers))
        yield "forms of using NATS", str(len(self.nats_forms))
        for title, found in (("class", self.duplicate_classes), ("file", self.duplicate_file_names)):
            counts = Counter(len(files) for files in found.values())
            yield f"{title} names that occur twice", str(counts[2])
            yield f"{title} names that occur three times or more", str(sum(counts.values()) - counts[2])
        for folder, lines in self.lines.items():
            yield f"lines in {folder}", str(lines)
        yield "longest file", f"{self.longest_file[1]} ({self.longest_file[0]})"


def sources(root: Path, folders: Iterable[str]) -> list[Source]:
    """The Python files below these folders, vendored and hidden ones left out."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root)
            if not any(part.startswith(".") or part in ("vendor", "__pycache__") for part in name.parts):
                found.append(Source(name.as_posix(), path.read_text()))
    return found


def measure(root: Path) -> StructureNumbers:
    """The figures of one checkout. Raises FileNotFoundError when there is no `services` folder."""
    if not (root / "services").is_dir():
        raise FileNotFoundError(f"{root} is no checkout of the project: it has no folder services")
    product = sources(root, PRODUCT_FOLDERS)
    everything = sources(root, LINE_FOLDERS)
    session = {Path(item.name).parts[2] for item in product if item.name.startswith("services/session/")}
    shared = [item for item in product if item.name.startswith("shared/") and not item.name.endswith("__init__.py")]
    longest = max(everything, key=lambda item: item.lines)
    return StructureNumbers(
        session_entries=len(session - {"__init__.py"}),
        session_edges=len(_session_edges(product)),
        shared_files=len(shared),
        shared_edges=len(_edges(shared, {item.module for item in shared})),
        nats_importers=[item.name for item in product if _imports_nats(item)],
        nats_forms=_nats_forms(product),
        duplicate_classes=_duplicates(sources(root, CLASS_FOLDERS), _class_names),
        duplicate_file_names=_duplicates(sources(root, ("services",)), _file_name),
        lines={folder: sum(item.lines for item in sources(root, (folder,))) for folder in LINE_FOLDERS},
        longest_file=(longest.name, longest.lines),
    )


def _edges(importers: Iterable[Source], modules: set[str]) -> set[tuple[str, str]]:
    """(module, imported module) for imports of `modules`, once each."""
    return {
        (item.module, name) for item in importers for name in item.imports if name in modules and name != item.module
    }


def _session_edges(product: list[Source]) -> set[tuple[str, str]]:
    """Imports between the entries at the root of services/session: its files and its folders, each taken as one."""
    prefix = "services.session."
    session = [item for item in product if item.module.startswith(prefix)]
    edges = _edges(session, {item.module for item in session})
    entries = {
        (one.removeprefix(prefix).split(".")[0], other.removeprefix(prefix).split(".")[0]) for one, other in edges
    }
    return {(one, other) for one, other in entries if one != other}


def _imports_nats(item: Source) -> bool:
    return any(name == "nats" or name.startswith("nats.") for name in item.imports)


def _uses_nats(item: Source) -> bool:
    return _imports_nats(item) or any(name.startswith(("faststream", "shared.messaging")) for name in item.imports)


def _nats_forms(product: list[Source]) -> dict[str, list[str]]:
    """`receiver.method` → files, for calls of NATS' methods in files that use NATS."""
    forms: defaultdict[str, set[str]] = defaultdict(set)
    for item in filter(_uses_nats, product):
        for form in _forms_in(item):
            forms[form].add(item.name)
    return {form: sorted(files) for form, files in sorted(forms.items())}


def _forms_in(item: Source) -> Iterator[str]:
    for node in ast.walk(item.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NATS_METHODS:
            receiver = _receiver(node.func.value)
            if receiver:
                yield f"{receiver}.{node.func.attr}"


def _receiver(node: ast.expr) -> str | None:
    """What a method is called on; None for what is not of NATS."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if isinstance(node, ast.Call):
        return _receiver(node.func)
    return next((kind for part, kind in _RECEIVERS.items() if part in name.lower()), None)


def _class_names(item: Source) -> Iterator[str]:
    return (node.name for node in ast.walk(item.tree) if isinstance(node, ast.ClassDef))


def _file_name(item: Source) -> Iterator[str]:
    name = Path(item.name).name
    return iter(()) if name in COMMON_FILE_NAMES else iter((name,))


def _duplicates(items: list[Source], names: Callable[[Source], Iterable[str]]) -> dict[str, list[str]]:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        for name in names(item):
            places[name].append(item.name)
    return {name: files for name, files in sorted(places.items()) if len(files) > 1}


def message_path() -> dict[str, int]:
    """visits, files and returns of one received message in this checkout. Raises RuntimeError when the test fails."""
    test = "tests/integration/router/test_message_path.py"
    command = [sys.executable, "-m", "pytest", "--assert=plain", "-q", "-s", "-p", "no:xdist", test]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    line = next((line for line in done.stdout.splitlines() if line.startswith("message path: ")), None)
    if done.returncode or line is None:
        raise RuntimeError(f"{test} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    figures: dict[str, int] = json.loads(line.removeprefix("message path: "))
    return figures


def table(numbers: StructureNumbers, path: Mapping[str, int]) -> str:
    """A table in Markdown, then the files behind those figures that have any."""
    rows = [*numbers.rows(), *((f"one received message: {name}", str(count)) for name, count in path.items())]
    lines = ["| figure | value |", "|---|---|", *(f"| {title} | {value} |" for title, value in rows)]
    for title, found in (
        ("Forms of using NATS", numbers.nats_forms),
        ("Class names that occur more than once", numbers.duplicate_classes),
        ("File names that occur more than once", numbers.duplicate_file_names),
    ):
        lines += ["", f"{title}:"] + [f"- {name}: {', '.join(files)}" for name, files in found.items()]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate.structure_numbers", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2], help="a checkout (default: this one)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--message-path", action="store_true", help="also trace one received message (needs MongoDB)")
    options = parser.parse_args(arguments)
    numbers, path = measure(options.root), message_path() if options.message_path else {}
    as_json: dict[str, Any] = asdict(numbers) | {"message_path": path}
    sys.stdout.write(json.dumps(as_json, indent=2) + "\n" if options.json else table(numbers, path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
