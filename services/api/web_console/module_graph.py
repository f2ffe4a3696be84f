"""Which modules a browser needs for a module of the console, read from the import statements. Pure.

Paths are relative to the folder of the console: `js/main.js`.
"""

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping

CONSOLE_URL = "/console/"
_STATIC_IMPORT = re.compile(
    r"""(?:^|[;}])[^\S\n]*(?:import|export)\b(?:[^"'();=]*?\bfrom)?\s*["']([^"'\n]+)["']""", re.MULTILINE
)
Sources = Mapping[str, str]
"""Text of each module by its path."""


def static_graph(
    sources: Sources, import_map: Mapping[str, str], entries: Iterable[str], without: Collection[str] = ()
) -> list[str]:
    """`entries` and all modules that they import with statements, each after the modules that it imports itself.
    Modules of `without` are left out, and names that lead to no module."""
    visited, ordered = set(without), list[str]()

    def visit(path: str) -> None:
        if path in visited or path not in sources:
            return
        visited.add(path)
        for name in _STATIC_IMPORT.findall(sources[path]):
            visit(module_path(name, path, import_map))
        ordered.append(path)

    for entry in entries:
        visit(entry)
    return ordered


def module_path(name: str, importer: str, import_map: Mapping[str, str]) -> str:
    """The path of the module that `importer` calls `name`; `name` itself when nothing says where it lies."""
    url = import_map.get(name, name)
    if url.startswith(CONSOLE_URL):
        return url.removeprefix(CONSOLE_URL)
    if url.startswith("."):
        return posixpath.normpath(posixpath.join(posixpath.dirname(importer), url))
    return url
