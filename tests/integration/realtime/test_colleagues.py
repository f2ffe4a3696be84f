"""Users of one organization at two replicas see who types and who looks at a conversation; the test is the api."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from nats.aio.client import Client

from shared.contracts.access_tokens import issue_token
from shared.contracts.ephemeral import MAX_EPHEMERAL_AGE, ColleagueTyping
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal, Scope
from shared.contracts.queries import ReadConversation
from shared.messaging.publisher import publish_ephemeral
from tests.integration.realtime.conftest import Browser, browser, service
from tests.integration.realtime.test_presence import answer_queries, conversation
from tests.token_keys import SIGNING_KEY
from tests.waiting import until

EVENTS = ("colleague:typing", "colleague:viewing")


@dataclass
class Team:
    """`ana` and `ana_elsewhere` are tabs of one user at two replicas; `eve` is in another organization."""

    organization_id: str
    replicas: list[str]
    ana: Browser
    ana_elsewhere: Browser
    bia: Browser
    eve: Browser

    async def ping(self, number: int) -> None:
        """Returns when all earlier events have reached the sockets that receive them."""
        answer = await self.eve.call("typing", {"conversationId": "hers"})
        assert answer == {"success": True}
        answer = await self.bia.call("typing", {"conversationId": f"ping-{number}"})
        assert answer == {"success": True}
        for tab in (self.ana, self.ana_elsewhere):
            await until(partial(has_heard_of, tab, f"ping-{number}"))


def has_heard_of(client: Browser, conversation_id: str) -> bool:
    return conversation_id in [each["conversationId"] for each in heard(client)]


def heard(client: Browser) -> list[dict[str, Any]]:
    return [payload for name, payload in client.received if name in EVENTS]


def person(organization_id: str, user_id: str, *scopes: Scope) -> str:
    principal = Principal(organization_id=organization_id, subject=user_id, scopes=frozenset(scopes))
    return issue_token(principal, SIGNING_KEY, timedelta(minutes=5))


@pytest.fixture
async def team(nats_url: str, nats: Client) -> AsyncIterator[Team]:
    acme, others = f"o{new_id()[:12]}", f"o{new_id()[:12]}"
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(service(nats_url)) for _ in range(2)]

        async def opened(url: str, organization_id: str, user_id: str) -> Browser:
            client = await stack.enter_async_context(browser(url, person(organization_id, user_id, "read", "send")))
            assert (await client.call("join-organization", organization_id))["success"]
            return client

        ana, ana_elsewhere = await opened(one, acme, "ana"), await opened(two, acme, "ana")
        bia, eve = await opened(two, acme, "bia"), await opened(two, others, "eve")
        shown = {each: conversation() for each in ("v", "w", *(f"ping-{number}" for number in range(5)))}
        await answer_queries(nats, ReadConversation, acme, shown)
        await answer_queries(nats, ReadConversation, others, {"hers": conversation()})
        yield Team(acme, [one, two], ana, ana_elsewhere, bia, eve)


async def test_colleagues_see_who_types(team: Team) -> None:
    for event, data in (
        ("typing", {}),
        ("typing", {"state": "recording"}),
        ("typing", {"isTyping": False}),
        ("stop_typing", {}),
    ):
        assert await team.ana.call(event, {"conversationId": "v", **data}) == {"success": True}
    await until(lambda: len(heard(team.bia)) == 4)
    assert [each["state"] for each in heard(team.bia)] == ["composing", "composing", "paused", "paused"]
    first = heard(team.bia)[0]
    assert (first["conversationId"], first["userId"], first["instanceId"]) == ("v", "ana", "one")
    assert first["organizationId"] == team.organization_id
    await team.ping(0)
    for tab in (team.ana, team.ana_elsewhere):
        assert {each["userId"] for each in heard(tab)} == {"bia"}, "the user's own tabs are told nothing"
    assert heard(team.eve) == [], "and another organization neither"


async def test_colleagues_see_who_looks_at_a_conversation(team: Team) -> None:
    for conversation_id, viewing in (("v", True), ("w", True), ("v", False), ("w", True)):
        data = {"conversationId": conversation_id, "viewing": viewing}
        answer = await team.ana.call("conversation:viewing", data)
        assert answer == {"success": True, "expiresIn": 60}
    await team.ana.client.disconnect()
    shown = [("v", True), ("v", False), ("w", True), ("w", True), ("w", False)]
    await until(lambda: len(heard(team.bia)) == len(shown))
    assert [(each["conversationId"], each["viewing"]) for each in heard(team.bia)] == shown
    assert {(each["userId"], each["expiresIn"]) for each in heard(team.bia)} == {("ana", 60)}
    assert heard(team.ana_elsewhere) == heard(team.eve) == []


async def test_what_nobody_may_see_is_told_to_nobody(team: Team, nats: Client) -> None:
    """An unknown conversation, an API key, a scope that is missing, a late event and a body of another organization."""
    for event in ("typing", "conversation:viewing"):
        assert (await team.ana.call(event, {"conversationId": "hers"}))["code"] == "conversation_not_found"
        assert (await team.ana.call(event, {"conversationId": ["v"]}))["code"] == "invalid_payload"
    async with browser(team.replicas[0], person(team.organization_id, "key:1", "read", "send")) as key:
        assert (await key.call("typing", {"conversationId": "v"}))["success"]
        assert (await key.call("conversation:viewing", {"conversationId": "v"}))["success"]
    async with browser(team.replicas[0], person(team.organization_id, "cleo", "send")) as sender:
        assert (await sender.call("conversation:viewing", {"conversationId": "v"}))["code"] == "scope_missing"
    typing = ColleagueTyping(
        organization_id=team.organization_id, instance_id="one", conversation_id="v", user_id="dan", state="composing"
    )
    await publish_ephemeral(
        nats, typing.model_copy(update={"at": utc_now() - MAX_EPHEMERAL_AGE - timedelta(seconds=1)})
    )
    await nats.publish(
        typing.full_subject, typing.model_copy(update={"organization_id": "another"}).model_dump_json().encode()
    )
    await team.ping(1)
    assert heard(team.bia) == []
    assert {each["userId"] for each in heard(team.ana)} == {"bia"}
