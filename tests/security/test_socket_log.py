"""No log line of the real process contains a token, a key or the query of a URL, at any level."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from shared.contracts.ids import new_id
from tests.integration.realtime.conftest import token
from tests.security.socket_clients import PATH, logged_in, raw_client, realtime_process
from tests.waiting import until


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
async def test_tokens_and_queries_are_in_no_log_line(nats_url: str, tmp_path: Path, level: str) -> None:
    """12fd981: uvicorn logged the URL of every accepted WebSocket, with `?token=`."""
    organization_id, key = new_id(), "sbk_" + "k" * 43
    good, wrong = token(organization_id), token(organization_id)[:-4] + "AAAA"
    mark = "a-mark-in-the-query"
    async with (
        realtime_process(nats_url, tmp_path, WA_LOG_LEVEL=level) as realtime,
        aiohttp.ClientSession() as http,
    ):
        for secret in (good, wrong, key, quote(good), f"Bearer {good}"):
            async with raw_client(realtime.url, f"&token={secret}&mark={mark}") as client:
                await client.send("40")
                await until(lambda: client.logins or client.closed)
            await http.get(f"{realtime.url}{PATH}polling&token={secret}&mark={mark}")
            await http.get(f"{realtime.url}{PATH}polling&sid={secret}&mark={mark}")
            with suppress(aiohttp.ClientError):
                await http.ws_connect(f"{realtime.url}/socket.io/?EIO=3&transport=websocket&token={secret}&mark={mark}")
            await http.get(f"{realtime.url}/other?token={secret}&mark={mark}")
            headers = {"Authorization": f"Bearer {secret}", "Origin": "https://elsewhere.example"}
            await http.get(f"{realtime.url}{PATH}polling&mark={mark}", headers=headers)
        async with logged_in(realtime.url, good) as client:
            assert (await client.call("join-organization", organization_id))["success"]
            await client.send("42{")
            await asyncio.wait([client._reading], timeout=5)
    written = realtime.log.read_text()
    assert json.loads(written.splitlines()[0])["service"] == "realtime"
    for secret in (good, wrong, key, good.split(".")[2], "token=", mark):
        assert secret not in written, [line for line in written.splitlines() if secret in line][:3]
    assert "Traceback" not in written
