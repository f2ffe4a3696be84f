"""When is a process ready: an address that answers, or a replica set with its primary."""

import httpx
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.topology import Process, url

_NOT_YET_INITIATED = 94


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
    """Initiates the replica set of one on the first start."""
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000
    )
    async with client:
        try:
            await client.admin.command("replSetGetStatus")
            return bool((await client.admin.command("hello"))["isWritablePrimary"])
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIATED:
                await client.admin.command({"replSetInitiate": {"_id": "rs0", "members": [member]}})
            return False
        except PyMongoError:
            return False
