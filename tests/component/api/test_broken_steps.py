"""Changes of access with several steps, interrupted between two of them: no access stays that was to end, and
AccessRevoked is published."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.api.access import revocation_steps
from services.api.access.revocations import AccessRevocations
from services.api.settings import ApiSettings
from services.api.store.api_keys import ApiKeys
from services.api.store.audit_log import AuditLog
from services.api.store.invitations import Invitations
from services.api.store.login_devices import LoginDevices
from services.api.store.logins import Logins
from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.platform.mongo import open_mongo
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port
from tests.subscriptions import subscribed

OLD, NEW = "a password of mine", "another password of mine"
Step = tuple[type[Any], str]


class Broken(RuntimeError):
    """Raised on purpose."""


def breaking(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise Broken(step[1])

    monkeypatch.setattr(*step, broken)


class Somebody:
    """A user with a password, logged in twice."""

    def __init__(self, api: Api, email: str, login: dict[str, Any]) -> None:
        self._stage, self.email, self.login = api, email, login
        self.user_id, self.organization_id = login["user"]["id"], login["organization_id"]

    async def post(self, path: str, token: str = "", **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._stage.client(**headers) as http:
            return await http.post(f"/api/auth/{path}", json=body)

    async def logged_in(self, password: str) -> httpx.Response:
        return await self.post("login", email=self.email, password=password)

    async def changes_password(self) -> httpx.Response:
        return await self.post("password", self.login["token"], old_password=OLD, new_password=NEW)

    async def works(self, login: dict[str, Any]) -> bool:
        async with self._stage.client(Authorization=f"Bearer {login['token']}") as http:
            return (await http.get("/api/organization")).status_code == 200


@pytest.fixture
async def somebody(api: Api) -> Somebody:
    email = f"{new_id()}@example.org"
    async with api.client() as http:
        answer = await http.post("/api/auth/register", json={"email": email, "password": OLD})
    assert answer.status_code == 201, answer.text
    return Somebody(api, email, answer.json())


@pytest.mark.parametrize(
    "step", [(Logins, "end_all_of"), (LoginDevices, "forget_all_of"), (AuditLog, "record")], ids=lambda step: step[1]
)
async def test_a_new_password_counts_when_the_other_logins_end_and_not_before(
    somebody: Somebody, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    other = (await somebody.logged_in(OLD)).json()
    with monkeypatch.context() as broken:
        breaking(broken, step)
        assert (await somebody.changes_password()).status_code == 500
    assert (await somebody.logged_in(NEW)).status_code == 401
    assert await somebody.works(other)
    assert (await somebody.changes_password()).status_code == 200
    assert (await somebody.logged_in(NEW)).status_code == 200
    assert [await somebody.works(login) for login in (somebody.login, other)] == [True, False]


async def test_other_logins_have_ended_before_the_event_can_be_published(
    somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (await somebody.logged_in(OLD)).json()
    breaking(monkeypatch, (AccessRevocations, "publish_password_changed"))
    assert (await somebody.changes_password()).status_code == 500
    assert [await somebody.works(login) for login in (somebody.login, other)] == [True, False]
    assert (await somebody.post("refresh", refresh_token=other["refresh_token"])).status_code == 401


async def test_a_login_with_the_old_password_during_the_change_is_ended(
    api: Api, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change has ended the logins it sees, and is not committed when the login is stored."""
    changing, stored = asyncio.Event(), asyncio.Event()
    record, start = AuditLog.record, Logins.start

    async def gated_record(self: AuditLog, deed: Any, session: Any = None) -> None:
        await record(self, deed, session)
        if deed.action == "change_password":
            changing.set()
            await stored.wait()

    async def noted_start(self: Logins, user: Any, lifetime: Any, client: Any) -> Any:
        login = await start(self, user, lifetime, client)
        stored.set()
        return login

    monkeypatch.setattr(AuditLog, "record", gated_record)
    monkeypatch.setattr(Logins, "start", noted_start)
    change = asyncio.create_task(somebody.changes_password())
    async with asyncio.timeout(30):
        await changing.wait()
        login = await somebody.logged_in(OLD)
        assert (await change).status_code == 200
    assert (login.status_code, login.json()["code"]) == (409, "password_changed_meanwhile")
    going_on = await api.database.logins.find({"user_id": somebody.user_id, "revoked_at": None}).to_list(None)
    assert len(going_on) == 1
    assert await somebody.works(somebody.login)


@pytest.mark.parametrize(
    "step", [(AuditLog, "record"), (LoginDevices, "remember"), (Logins, "start")], ids=lambda step: step[1]
)
async def test_an_accepted_invitation_gives_access_although_the_first_login_failed(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    email = f"{new_id()}@example.org"
    token = (await member.http.post("/api/invitations", json={"email": email})).json()["data"]["token"]
    accepting, login = {"token": token, "password": OLD}, {"email": email, "password": OLD}
    async with api.client() as http:
        with monkeypatch.context() as broken:
            breaking(broken, step)
            assert (await http.post("/api/auth/accept-invitation", json=accepting)).status_code == 500
        assert (await http.post("/api/auth/login", json=login)).status_code == 200
        again = await http.post("/api/auth/accept-invitation", json=accepting)
    assert (again.status_code, again.json()["code"]) == (409, "invitation_used")


async def test_an_invitation_that_could_not_be_accepted_is_still_open(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"email": f"{new_id()}@example.org"}
    token = (await member.http.post("/api/invitations", json=body)).json()["data"]["token"]
    role_now, asked = Invitations._current_role, 0

    async def broken(self: Invitations, invitation: Any, session: Any = None) -> Any:
        nonlocal asked
        behind_the_deletion = session is not None
        asked += behind_the_deletion
        if behind_the_deletion and asked == 1:
            raise Broken("between the two writes")
        return await role_now(self, invitation, session)

    monkeypatch.setattr(Invitations, "_current_role", broken)
    accepting = {"token": token, "password": OLD}
    async with api.client() as http:
        assert [(await http.post("/api/auth/accept-invitation", json=accepting)).status_code for _ in range(2)] == [
            500,
            201,
        ]


# --- what is told after the first write


Ending = Callable[[Member, Member, str], Awaitable[httpx.Response]]
"""Caller, user, and the id of a key that the user made."""


async def removes(member: Member, other: Member, _: str) -> httpx.Response:
    return await member.http.delete(f"/api/users/{other.user_id}")


async def demotes(member: Member, other: Member, _: str) -> httpx.Response:
    return await member.http.patch(f"/api/users/{other.user_id}", json={"role": "viewer"})


async def revokes(member: Member, _: Member, key_id: str) -> httpx.Response:
    return await member.http.delete(f"/api/api-keys/{key_id}")


@pytest.fixture
async def own_api(settings: ApiSettings, api: Api, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """An api with a database of its own, which looks for what is left undone all the time."""
    monkeypatch.setattr(revocation_steps, "PENDING_REVOCATIONS_INTERVAL_S", 0.05)
    own = settings.model_copy(update={"mongo_database": f"api_{new_id()[:8]}", "http_port": free_port()})
    async with open_mongo(own) as database:
        async with running(own) as url:
            yield Api(url, own, database, api.nats)
        await database.client.drop_database(database.name)


@pytest.mark.parametrize(
    ("ending", "step"),
    [
        (removes, (Logins, "end_all_of")),
        (removes, (LoginDevices, "forget_all_of")),
        (removes, (ApiKeys, "descendants_of")),
        (removes, (Invitations, "withdraw_all_by")),
        (removes, (AccessRevocations, "publish_user_removed")),
        (demotes, (ApiKeys, "descendants_of")),
        (demotes, (Invitations, "withdraw_all_by")),
        (demotes, (AccessRevocations, "publish_role_changed")),
        (revokes, (ApiKeys, "descendants_of")),
        (revokes, (Invitations, "withdraw_all_by")),
        (revokes, (AccessRevocations, "publish_key_revoked")),
    ],
    ids=lambda part: part[1] if isinstance(part, tuple) else part.__name__,
)
async def test_an_interrupted_revocation_is_finished_by_the_running_api(
    own_api: Api, monkeypatch: pytest.MonkeyPatch, ending: Ending, step: Step
) -> None:
    api, events_received = own_api, set[str]()

    async def hear(message: Any) -> None:
        event = AccessRevoked.model_validate_json(message.data)
        events_received.update(holder for holder in (*event.login_ids, event.holder) if holder)

    async with api.member() as member, api.member("admin", member.organization_id) as other:
        made = await other.http.post("/api/api-keys", json={"name": "till", "scopes": ["read", "send", "manage"]})
        key = made.json()["data"]
        subscription = await api.nats.subscribe(AccessRevoked.subject_filter(member.organization_id), cb=hear)
        await subscribed(api.nats)
        async with api.client(**{"X-Api-Key": key["key"]}) as till:
            body = {"email": f"{new_id()}@example.org"}
            invitation = (await till.post("/api/invitations", json=body)).json()["data"]
            with monkeypatch.context() as broken:
                breaking(broken, step)
                assert (await ending(member, other, key["id"])).status_code == 500
                expected = {f"key:{key['id']}"} | ({other.user_id} if ending is not revokes else set())
                allowed = await till.post("/api/invitations", json={"email": f"{new_id()}@example.org"})
                assert allowed.status_code in (401, 403)
                accepting = {"token": invitation["token"], "password": OLD}
                accepted = await till.post("/api/auth/accept-invitation", json=accepting)
                assert accepted.json()["code"] == "invitation_withdrawn"
    async with asyncio.timeout(30):
        not_withdrawn = {"withdrawn_at": None}
        while (
            events_received != expected or await _marked(api) or await api.database.invitations.find_one(not_withdrawn)
        ):
            await asyncio.sleep(0.02)
    await subscription.unsubscribe()


async def _marked(api: Api) -> bool:
    marked = {PENDING_REVOCATION_FIELD: {"$exists": True}}
    return any([await api.database[name].find_one(marked) for name in ("users", "logins", "api_keys")])


async def _invited(api: Api) -> bool:
    return await api.database.invitations.find_one({"withdrawn_at": None}) is not None
