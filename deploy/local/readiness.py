"""Checks whether a process is ready: its readiness URL answers 200, or its replica set has a primary."""

from typing import Any

import httpx
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.process_specs import ProcessTemplate, url

_NOT_YET_INITIATED, _NOT_A_MEMBER = 94, 93
"""Error codes of mongod: no replica set yet; the replica set has another address for it (an earlier --port)."""


async def is_ready(process: ProcessTemplate, first_port: int, http: httpx.AsyncClient) -> bool:
    """One check of at most a few seconds; False while the process is starting."""
    if process.readiness == "mongo":
        return await _is_primary(first_port + process.port_offset)
    port = process.port_offset if process.readiness_port is None else process.readiness_port
    try:
        response = await http.get(url(first_port + port) + process.readiness_path)
    except httpx.HTTPError:
        return False
    return response.status_code == 200


async def _is_primary(port: int) -> bool:
    """Creates the replica set of one member on the first start, and changes the member's address after a new --port."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000
    )
    async with client:
        try:
            await client.admin.command("replSetGetStatus")
            return bool((await client.admin.command("hello"))["isWritablePrimary"])
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIATED:
                member = {"_id": 0, "host": f"127.0.0.1:{port}"}
                await client.admin.command({"replSetInitiate": {"_id": "rs0", "members": [member]}})
            elif error.code == _NOT_A_MEMBER:
                await _change_member_address(client, f"127.0.0.1:{port}")
            return False
        except PyMongoError:
            return False


async def _change_member_address(client: AsyncMongoClient[dict[str, Any]], host: str) -> None:
    config = await client["local"]["system.replset"].find_one()
    assert config
    config["version"] += 1
    config["members"][0]["host"] = host
    await client.admin.command({"replSetReconfig": config, "force": True})
