"""The console's files in memory, compressed once for each version of them."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from services.api.web_console.index_page import IndexPage, render_gallery_page, render_index_page
from services.api.web_console.service_worker import render_service_worker
from shared.contracts.errors import Problem

CONSOLE_ROOT = Path(__file__).resolve().parent.parent / "console"
TEXT_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Of files that are sent compressed."""
MEDIA_TYPES = TEXT_MEDIA_TYPES | {
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
}
"""Media types of the served file extensions, fixed because the types of the machine may differ; others are a 404."""
_COMPRESSION_LEVEL = 9
FileVersions = tuple[tuple[str, int, int], ...]
"""Path, modification time in ns and size of each file."""


@dataclass(frozen=True)
class ServedFile:
    """A file as it is sent. `compressed`: None when it would not be smaller."""

    content: bytes
    compressed: bytes | None
    media_type: str
    etag: str

    @property
    def sent_bytes(self) -> int:
        """To a browser that accepts gzip."""
        return len(self.content if self.compressed is None else self.compressed)


def served_file(content: bytes, suffix: str) -> ServedFile:
    """The file with its compressed form and its ETag."""
    compressed = gzip.compress(content, _COMPRESSION_LEVEL, mtime=0) if suffix in TEXT_MEDIA_TYPES else None
    if compressed is not None and len(compressed) >= len(content):
        compressed = None
    return ServedFile(content, compressed, MEDIA_TYPES[suffix], hashlib.sha256(content).hexdigest()[:32])


@dataclass(frozen=True)
class ConsoleVersion:
    """All files as they were at one time. `name`: a hash of their paths and contents, the same in all replicas."""

    name: str
    files: Mapping[str, ServedFile]

    def file(self, path: str) -> ServedFile:
        """Raises Problem 404 for everything that is not served."""
        if path not in self.files:
            raise Problem(404, "not_found", "the console has no such file; open / for the console")
        return self.files[path]

    @cached_property
    def index_page(self) -> tuple[ServedFile, IndexPage]:
        """The page at `/`."""
        page = render_index_page(self.text("index.html"), self.name, self.module_sources)
        return served_file(page.content.encode(), ".html"), page

    @cached_property
    def gallery_page(self) -> tuple[ServedFile, str]:
        """The page that shows every component, for the people who work on them, and its security policy."""
        content, policy = render_gallery_page(self.text("index.html"), self.name)
        return served_file(content.encode(), ".html"), policy

    @cached_property
    def service_worker(self) -> ServedFile:
        """The script at `/service-worker.js`."""
        script = render_service_worker(self.text("service_worker.js"), self.name, self.files)
        return served_file(script.encode(), ".js")

    @cached_property
    def module_sources(self) -> dict[str, str]:
        """The text of every script by its path."""
        return {path: self.text(path) for path in self.files if path.endswith((".js", ".mjs"))}

    def text(self, path: str) -> str:
        """The text of this file."""
        return self.file(path).content.decode()


class ConsoleFiles:
    """The console in the folder `root`: read again after a file has changed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._file_versions: FileVersions = ()
        self._loaded: ConsoleVersion | None = None

    def current(self) -> ConsoleVersion:
        """As the files are now."""
        versions = self._read_file_versions()
        if self._loaded is None or versions != self._file_versions:
            self._file_versions, self._loaded = versions, self._load(versions)
        return self._loaded

    def current_or(self, name: str) -> ConsoleVersion:
        """The version of this name when it was loaded last, without a look at the files; else as they are now."""
        return self._loaded if self._loaded is not None and self._loaded.name == name else self.current()

    def _read_file_versions(self) -> FileVersions:
        files = sorted(file for file in self._root.rglob("*") if file.suffix in MEDIA_TYPES and self._is_inside(file))
        return tuple((str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)

    def _is_inside(self, file: Path) -> bool:
        return file.is_file() and (not file.is_symlink() or file.resolve().is_relative_to(self._root))

    def _load(self, versions: FileVersions) -> ConsoleVersion:
        digest, files = hashlib.sha256(), dict[str, ServedFile]()
        for name, _, _ in versions:
            file = Path(name)
            path, content = file.relative_to(self._root).as_posix(), file.read_bytes()
            digest.update(path.encode() + b"\x00" + content)
            files[path] = served_file(content, file.suffix)
        return ConsoleVersion(f"v-{digest.hexdigest()[:12]}", files)
