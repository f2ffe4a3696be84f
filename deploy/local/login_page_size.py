"""What a browser receives until the login page is shown: the page and all files that it names, compressed."""

import asyncio
import re

import httpx

_NAMED = re.compile(r'(?:href|src)="(/[^"]+)"')


async def login_page_bytes(address: str) -> int:
    """Bytes of the bodies, without icons, of which a browser chooses one."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, headers={"Accept-Encoding": "gzip"}) as client:
        page = await client.get("/")
        paths = {path for path in _NAMED.findall(page.text) if not path.endswith(".png")}
        files = await asyncio.gather(*(client.get(path) for path in paths))
    return sum(answer.raise_for_status().num_bytes_downloaded for answer in (page, *files))
