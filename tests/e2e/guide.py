"""Runs the code blocks of the guide's pages in order, in one terminal, and collects the output of each."""

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/guide"
FRONT_PAGE = "../../README.md"
CLIENT = ROOT / "services/api/console/vendor/socket.io.esm.min.js"
PAGE_TIMEOUT_S = 150.0
"""For a whole page."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_FILE = re.compile(r"(?:#|//) ([\w-]+\.(?:py|mjs))\n")
_END = "@@ end of block"


@dataclass
class Block:
    """`heading`: of its section. `printed`: the output, when it was a command."""

    language: str
    text: str
    heading: str
    printed: str = ""


def read_page(name: str) -> list[Block]:
    """The blocks that have a language, in order."""
    text = (PAGES / name).read_text()
    headings = [(found.start(), found[1]) for found in _HEADING.finditer(_without_blocks(text))]
    return [
        Block(found[1], found[2], [title for start, title in headings if start < found.start()][-1])
        for found in _BLOCK.finditer(text)
    ]


def _without_blocks(text: str) -> str:
    """Ignores comment lines in code blocks."""
    return re.sub(r"^```.*?^```$", lambda found: " " * len(found[0]), text, flags=re.DOTALL | re.MULTILINE)


def values(printed: str) -> list[Any]:
    """Every JSON document at the beginning of a line."""
    decoder, found = json.JSONDecoder(), []
    for line in printed.splitlines():
        if line.startswith(("{", "[")):
            found.append(decoder.raw_decode(line)[0])
    return found


def shape(value: Any) -> Any:
    """Keys and kinds: text, number, true or false; the first of a list stands for all, null for anything."""
    if isinstance(value, dict):
        return {key: shape(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def fits(expected: Any, came: Any) -> bool:
    """Whether an answer has the documented shape; it may have further fields, which can be added at any time."""
    if "NoneType" in (expected, came):
        return True
    if isinstance(expected, dict) and isinstance(came, dict):
        return all(key in came and fits(expected[key], came[key]) for key in expected)
    if isinstance(expected, list) and isinstance(came, list):
        return not (expected and came) or fits(expected[0], came[0])
    return bool(expected == came)


async def run_pages(names: list[str], folder: Path) -> list[Block]:
    """Run the blocks of the pages as one visit of a reader; those of the last page, with what was printed.

    `folder` holds `up.json`. Raises AssertionError with the block that failed.
    """
    _give_node_the_client(folder)
    blocks = [block for name in names for block in read_page(name)]
    for block in blocks:
        if found := _FILE.match(block.text):
            (folder / found[1]).write_text(block.text)
    commands = [block for block in blocks if block.language == "sh"]
    script = "set -eu\n" + "".join(f"{block.text}\nprintf '\\n{_END}\\n'\n" for block in commands)
    printed = await _bash(script, folder)
    outputs = printed.split(f"\n{_END}\n")
    for block, output in zip(commands, outputs, strict=False):
        block.printed = output
    done = len(outputs) - 1
    assert done == len(commands), f"this failed:\n{commands[done].text}\nit printed:\n{outputs[-1][-3000:]}"
    return blocks


async def _bash(script: str, folder: Path) -> str:
    """Standard output and error together. What the script leaves running ends with it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        cwd=folder,
        env=_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PAGE_TIMEOUT_S):
            return (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
            await process.wait()


def _environment() -> dict[str, str]:
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    kept = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "NODE_OPTIONS": "--no-warnings --experimental-websocket"}


def _give_node_the_client(folder: Path) -> None:
    """The console's own copy under the name that `npm install` would give it."""
    package = folder / "node_modules/socket.io-client"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"type": "module", "main": "index.js"}')
    (package / "index.js").write_text(f'export * from "{CLIENT.as_uri()}";\n')
