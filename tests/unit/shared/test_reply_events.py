"""Those who wait for answers leave no subscription behind, whatever NATS does at that moment."""

import asyncio
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.errors import FlushTimeoutError

from shared.contracts.events import MessageFailed, MessageSent
from shared.messaging.reply_events import ReplyStream, ReplySubscriptions
from tests.waiting import until


class FakeSubscription:
    """`unsubscribe` returns once `go_on` is set."""

    def __init__(self, go_on: asyncio.Event) -> None:
        self.go_on, self.ended = go_on, False

    async def unsubscribe(self) -> None:
        self.ended = True
        await self.go_on.wait()


class FakeClient:
    def __init__(self, connected: bool = True, error: Exception | None = None) -> None:
        self.is_connected, self._error = connected, error
        self.subscriptions: list[FakeSubscription] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def subscribe(self, subject: str, cb: Any) -> FakeSubscription:
        self.subscriptions.append(FakeSubscription(self.go_on))
        return self.subscriptions[-1]

    async def flush(self) -> None:
        if self._error:
            raise self._error


def subscriptions_of(client: FakeClient, linger_s: float = 0.0) -> ReplySubscriptions:
    return ReplySubscriptions(cast(Client, client), linger_s)


async def all_ended(client: FakeClient, count: int) -> None:
    await until(lambda: [subscription.ended for subscription in client.subscriptions] == [True] * count)


async def test_what_ends_while_nats_is_away_is_not_subscribed_to_again() -> None:
    """A client that reconnects subscribes again to all it still knows of."""
    client = FakeClient(connected=False)
    async with subscriptions_of(client).receiving("one", [MessageSent], ReplyStream()):
        pass
    await all_ended(client, 1)


async def test_a_subscription_that_nats_does_not_confirm_is_ended() -> None:
    client = FakeClient(error=FlushTimeoutError())
    with pytest.raises(FlushTimeoutError):
        async with subscriptions_of(client).receiving("one", [MessageSent], ReplyStream()):
            pass
    assert [subscription.ended for subscription in client.subscriptions] == [True]


async def test_after_a_subscription_that_failed_the_next_waiter_subscribes_anew() -> None:
    client = FakeClient(error=FlushTimeoutError())
    subscriptions = subscriptions_of(client, linger_s=60)
    with pytest.raises(FlushTimeoutError):
        async with subscriptions.receiving("one", [MessageSent], ReplyStream()):
            pass
    client._error = None
    async with subscriptions.receiving("one", [MessageSent], ReplyStream()):
        assert [subscription.ended for subscription in client.subscriptions] == [True, False]


async def test_waiters_that_follow_each_other_use_one_subscription() -> None:
    client = FakeClient()
    subscriptions = subscriptions_of(client, linger_s=60)
    for _ in range(5):
        async with subscriptions.receiving("one", [MessageSent], ReplyStream()):
            pass
    assert [subscription.ended for subscription in client.subscriptions] == [False]
    async with subscriptions.receiving("other", [MessageSent], ReplyStream()):
        assert len(client.subscriptions) == 2


async def test_a_subscription_ends_when_it_was_not_used_for_some_time() -> None:
    client = FakeClient()
    subscriptions = subscriptions_of(client, linger_s=0.01)
    async with subscriptions.receiving("one", [MessageSent], ReplyStream()):
        async with subscriptions.receiving("one", [MessageSent], ReplyStream()):
            pass
        await asyncio.sleep(0.05)
        assert [subscription.ended for subscription in client.subscriptions] == [False]
    await all_ended(client, 1)
    assert subscriptions._by_subject == {}


async def test_who_is_cancelled_while_leaving_listens_to_nothing_more() -> None:
    client = FakeClient()
    subscriptions = subscriptions_of(client)

    async def listen() -> None:
        async with subscriptions.receiving("one", [MessageSent, MessageFailed], ReplyStream()):
            await asyncio.Event().wait()

    task = asyncio.create_task(listen())
    await until(lambda: len(client.subscriptions) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await all_ended(client, 2)
    assert subscriptions._by_subject == {}
