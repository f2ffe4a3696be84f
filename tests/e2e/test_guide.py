"""Every command of the guide works as written, and every answer has the documented shape."""

import json
import re
from pathlib import Path

import httpx
import pytest

from deploy.local.stack import Stack
from tests.e2e.guide import FRONT_PAGE, Block, fits, run_pages, shape, values

pytestmark = pytest.mark.timeout(200)
START = "README.md"


@pytest.fixture
async def folder(stack: Stack, api: httpx.AsyncClient, tmp_path: Path) -> Path:
    """The reader's folder, with `up.json` as the launcher prints it, for an organization of its own."""
    organization = (await api.get("/api/organization")).json()["data"]
    token = api.headers["Authorization"].removeprefix("Bearer ")
    line = stack.ready | {"token": token, "organization_id": organization["id"]}
    (tmp_path / "up.json").write_text(json.dumps(line))
    return tmp_path


def compare(blocks: list[Block]) -> None:
    """Every documented answer has the shape of the last output of the command before it."""
    command: Block | None = None
    for block in blocks:
        if block.language == "sh":
            command = block
        elif block.language == "json" and command:
            came = values(command.printed)[-1]
            expected = json.loads(block.text)
            assert fits(shape(expected), shape(came)), f"{command.text}\nshown: {expected}\ncame: {json.dumps(came)}"
        elif block.language == "text" and command:
            shown = re.escape(block.text.strip()).replace("…", ".*")
            printed = "\n".join(line.strip() for line in command.printed.strip().splitlines())
            assert re.fullmatch(shown, printed), f"{command.text}\nshown:\n{block.text}\nprinted:\n{printed}"


async def test_the_first_message_of_the_readme(folder: Path) -> None:
    blocks = await run_pages([FRONT_PAGE], folder)
    conversations, bookings = values([block for block in blocks if block.language == "sh"][-1].printed)[-2:]
    assert (len(conversations["data"]), len(bookings["data"])) == (1, 1)


async def test_the_quick_start_in_curl_python_and_javascript(folder: Path) -> None:
    compare(await run_pages([START, "quick-start.md"], folder))


async def test_every_event_comes_with_the_payload_that_is_shown(folder: Path) -> None:
    blocks = await run_pages([START, "events.md"], folder)
    shown = {block.heading.strip("`"): json.loads(block.text) for block in blocks if block.language == "json"}
    for log in ("heard.jsonl", "heard-too.jsonl"):
        lines = [json.loads(line) for line in (folder / log).read_text().splitlines()]
        heard = [(line["event"], line["payload"]) for line in lines if line["event"] != "connect"]
        assert shown.keys() == {event for event, _ in heard}
        for name, payload in shown.items():
            came = [shape(payload) for event, payload in heard if event == name]
            assert any(fits(shape(payload), each) for each in came), f"{name}\nshown: {payload}\ncame: {came}"


async def test_sending_once_what_is_refused_and_what_was_missed(folder: Path) -> None:
    compare(await run_pages([START, "sending.md"], folder))


async def test_front_ends_of_five_older_systems_in_their_own_words(folder: Path) -> None:
    compare(await run_pages([START, "migrating.md"], folder))
