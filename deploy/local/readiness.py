"""When is a process ready: an address that answers, or a replica set with its primary."""

from typing import Any

import httpx
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.process_specs import Process, url

_NOT_YET_INITIATED, _NOT_A_MEMBER = 94, 93
"""Error codes of mongod: no replica set yet; its replica set knows it by another address (another --port)."""


async def is_ready(process: Process, first_port: int, http: httpx.AsyncClient) -> bool:
    """One look, at most a few seconds; False while it is still starting."""
    if process.ready == "mongo":
        return await _primary(first_port + process.port)
    port = process.port if process.ready_port is None else process.ready_port
    try:
        response = await http.get(url(first_port + port) + process.ready_path)
    except httpx.HTTPError:
        return False
    return response.status_code == 200


async def _primary(port: int) -> bool:
    """Makes the replica set of one on the first start, and moves it when the port is another one than before."""
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
                await _move(client, f"127.0.0.1:{port}")
            return False
        except PyMongoError:
            return False


async def _move(client: AsyncMongoClient[dict[str, Any]], host: str) -> None:
    config = await client["local"]["system.replset"].find_one()
    assert config
    config["version"] += 1
    config["members"][0]["host"] = host
    await client.admin.command({"replSetReconfig": config, "force": True})
