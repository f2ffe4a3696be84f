"""An access that ends on one replica ends on the others too, though they remember their callers for a moment."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.api.settings import ApiSettings
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port
from tests.waiting import until


@pytest.fixture(scope="module")
async def replica(settings: ApiSettings) -> AsyncIterator[str]:
    async with running(settings.model_copy(update={"http_port": free_port()})) as url:
        yield url


async def status(url: str, http: httpx.AsyncClient) -> int:
    return (await http.get(f"{url}/api/whatsapp/instances")).status_code


async def test_a_revoked_key_ends_at_once_here_and_soon_on_the_other_replica(
    api: Api, member: Member, replica: str
) -> None:
    answer = await member.http.post("/api/api-keys", json={"name": "till", "scopes": ["read"]})
    created = answer.json()["data"]
    async with api.client(**{"X-Api-Key": created["key"]}) as http:
        for _ in range(3):
            assert [await status(url, http) for url in (api.url, replica)] == [200, 200]
        revoked = await member.http.delete(f"/api/api-keys/{created['id']}")
        assert revoked.status_code == 200, revoked.text
        assert await status(api.url, http) == 401

        async def is_refused() -> bool:
            return await status(replica, http) == 401

        await until(is_refused)


async def test_a_removed_user_and_a_changed_role_count_on_both(api: Api, member: Member, replica: str) -> None:
    async with api.member("agent", member.organization_id) as colleague:
        for url in (api.url, replica):
            assert await status(url, colleague.http) == 200
        user = f"/api/users/{colleague.user_id}"
        assert (await member.http.patch(user, json={"role": "admin"})).status_code == 200
        body = {"instance_name": "Desk"}
        assert (await colleague.http.post("/api/whatsapp/instances", json=body)).status_code == 200

        async def may_create() -> bool:
            return (await colleague.http.post(f"{replica}/api/whatsapp/instances", json=body)).status_code == 200

        await until(may_create)
        assert (await member.http.delete(user)).status_code == 200
        assert await status(api.url, colleague.http) == 401

        async def is_refused() -> bool:
            return await status(replica, colleague.http) == 401

        await until(is_refused)
