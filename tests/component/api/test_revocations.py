"""AccessRevoked is published as soon as NATS is reachable, and after a crash at the next start of an api."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from nats.errors import NoServersError

from services.api.access import revocations
from services.api.access.caller_cache import CallerCache
from services.api.access.revocations import AccessRevocations
from services.api.settings import ApiSettings
from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation, PendingRevocations
from services.api.store.token_hash import token_hash
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.messaging.publisher import Publisher
from shared.platform.mongo import open_mongo
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port

NINAS_REMOVAL = PendingRevocation("users", "acme", ("nina",), "change")
NINAS_LOGINS = PendingRevocation("logins", "acme", ("login",), "other change")
KEY_REVOCATION = PendingRevocation("api_keys", "acme", ("till",), "third change")


class FakePendingRevocations:
    def __init__(self) -> None:
        self.cleared: list[PendingRevocation] = []

    async def clear(self, mark: PendingRevocation) -> None:
        self.cleared.append(mark)


@pytest.mark.parametrize("error", [NoServersError(), KeyError("thrown on purpose")], ids=repr)
async def test_a_revocation_is_published_when_nats_is_back_and_nobody_waits_for_it(
    monkeypatch: Any, error: Exception
) -> None:
    monkeypatch.setattr(revocations, "PUBLISH_RETRY_DELAY_S", 0.01)
    published, is_unreachable, pending = asyncio.Queue[AccessRevoked](), True, FakePendingRevocations()

    async def publish(event: AccessRevoked) -> None:
        if is_unreachable:
            raise error
        published.put_nowait(event)

    revocations_under_test = AccessRevocations(
        cast(Publisher, publish), cast(PendingRevocations, pending), CallerCache()
    )
    await revocations_under_test.publish_user_removed(NINAS_REMOVAL, [], NINAS_LOGINS)
    assert published.empty()
    assert pending.cleared == []
    is_unreachable = False
    assert (await asyncio.wait_for(published.get(), 5)).holder == "nina"
    await asyncio.gather(*revocations_under_test._tasks)
    assert pending.cleared == [NINAS_REMOVAL, NINAS_LOGINS]
    is_unreachable = True
    await revocations_under_test.publish_key_revoked(KEY_REVOCATION, [])
    await revocations_under_test.close()
    assert published.empty()
    assert pending.cleared == [NINAS_REMOVAL, NINAS_LOGINS]


Change = Callable[[Api, Member], Awaitable[set[tuple[str, str]]]]
"""Ends an access over HTTP; the expected events, as code and holder or login."""


async def _key(member: Member, **headers: str) -> tuple[str, str]:
    body = {"name": "till", "scopes": ["read", "send", "manage"]}
    made = (await member.http.post("/api/api-keys", json=body, headers=headers)).json()["data"]
    return made["id"], made["key"]


async def _login(api: Api, member: Member) -> str:
    login_id = new_id()
    await api.database.logins.insert_one(
        {
            "_id": login_id,
            "user_id": member.user_id,
            "organization_id": member.organization_id,
            "hash": login_id,
            "former": [],
            "created_at": utc_now(),
            "revoked_at": None,
        }
    )
    return login_id


async def revokes_a_key(api: Api, member: Member) -> set[tuple[str, str]]:
    key_id, key = await _key(member)
    async with api.client(**{"X-Api-Key": key}) as http:
        below, _ = await _key(Member(http, member.organization_id))
    assert (await member.http.delete(f"/api/api-keys/{key_id}")).status_code == 200
    return {("api_key_revoked", f"key:{key_id}"), ("api_key_revoked", f"key:{below}")}


async def removes_a_user(api: Api, member: Member) -> set[tuple[str, str]]:
    async with api.member("admin", member.organization_id) as other:
        key_id, _ = await _key(other)
    assert (await member.http.delete(f"/api/users/{other.user_id}")).status_code == 200
    return {("user_removed", other.user_id), ("api_key_revoked", f"key:{key_id}")}


async def changes_a_role(api: Api, member: Member) -> set[tuple[str, str]]:
    async with api.member("admin", member.organization_id) as other:
        key_id, _ = await _key(other)
    answer = await member.http.patch(f"/api/users/{other.user_id}", json={"role": "viewer"})
    assert answer.status_code == 200
    return {("role_changed", other.user_id), ("role_changed", f"key:{key_id}")}


async def ends_a_login(api: Api, member: Member) -> set[tuple[str, str]]:
    login_id = await _login(api, member)
    token = f"sbr_{login_id}.secret"
    await api.database.logins.update_one({"_id": login_id}, {"$set": {"hash": token_hash(token)}})
    assert (await member.http.post("/api/auth/logout", json={"refresh_token": token})).status_code == 200
    return {("login_ended", login_id)}


@pytest.fixture
async def own_stage(settings: ApiSettings, api: Api) -> AsyncIterator[Callable[[], Any]]:
    """An api with a database of its own, which may be started more than once."""
    own = settings.model_copy(update={"mongo_database": f"api_{new_id()[:8]}", "http_port": free_port()})
    async with open_mongo(own) as database:
        yield lambda: (own, Api(f"http://127.0.0.1:{own.http_port}", own, database, api.nats))
        await database.client.drop_database(database.name)


@pytest.mark.parametrize("change", [revokes_a_key, removes_a_user, changes_a_role, ends_a_login])
async def test_a_revocation_that_a_killed_api_did_not_publish_is_published_at_the_next_start(
    own_stage: Callable[[], tuple[ApiSettings, Api]], change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, api = own_stage()
    events_received: set[tuple[str, str]] = set()

    async def hear(message: Any) -> None:
        event = AccessRevoked.model_validate_json(message.data)
        events_received.update((event.code, holder) for holder in (*event.login_ids, event.holder) if holder)

    async def nowhere(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as dying:
        dying.setattr(AccessRevocations, "_publish_one_until_stored", nowhere)
        dying.setattr(revocations, "PUBLISH_RETRY_DELAY_S", 0.01)
        async with running(settings), api.member() as member:
            subscription = await api.nats.subscribe(AccessRevoked.subject_filter(member.organization_id), cb=hear)
            expected = await change(api, member)
    await api.nats.flush()
    assert events_received == set()
    async with running(settings), asyncio.timeout(20):
        while events_received != expected or await _marked(api):
            await asyncio.sleep(0.02)
    events_received.clear()
    async with running(settings):  # and not once more
        pass
    await api.nats.flush()
    assert events_received == set()
    await subscription.unsubscribe()


async def _marked(api: Api) -> int:
    counts = [
        await api.database[name].count_documents({PENDING_REVOCATION_FIELD: {"$exists": True}})
        for name in ("users", "logins")
    ]
    return sum(counts) + await api.database.api_keys.count_documents({PENDING_REVOCATION_FIELD: {"$exists": True}})
