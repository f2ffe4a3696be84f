"""The service worker's script with the list of files that it stores. Pure."""

import json
from collections.abc import Iterable

_STORED_SUFFIXES = (".css", ".js", ".mjs", ".svg")
_STORED_FONT = "fonts/inter-latin-wght-normal.woff2"
_NOT_STORED = ("service_worker.js", "js/gallery/", "css/gallery.css")
"""Beginnings of the paths of what is no part of the console's page."""


def render_service_worker(script: str, version: str, paths: Iterable[str]) -> str:
    """`script` after a line with this version and its files: a browser installs it anew when either changes."""
    files = [f"/console/{version}/{path}" for path in stored_paths(paths)]
    return f"self.CONSOLE_RELEASE = {json.dumps({'version': version, 'files': files})};\n{script}"


def stored_paths(paths: Iterable[str]) -> list[str]:
    """What the console needs to open without the server. Other files are stored when a page has loaded them."""
    return sorted(
        path
        for path in paths
        if not path.startswith(_NOT_STORED) and (path.endswith(_STORED_SUFFIXES) or path == _STORED_FONT)
    )
