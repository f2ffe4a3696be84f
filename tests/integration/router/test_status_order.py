"""Statuses are published in the order in which they are stored, also while several handlers run at the same time."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.events import MessageFailed, MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.message import Message
from shared.contracts.records import MessageStatus
from tests.integration.router.conftest import ONE, ORG, START, Router, command, outcome, receipt

PUBLISH_TIMEOUT_S = 0.3
"""A slow publish ends after this time if the other handler waits for it."""


class SlowPublish:
    """Publishes to the router's list; the publish of one status waits until the other handler has ended, or waits for
    this publish itself."""

    def __init__(self, router: Router, status: str) -> None:
        self.router = replace(router, context=replace(router.context, publish=self.publish))
        self._status, self._started, self._published = MessageStatus(status), asyncio.Event(), router.published
        self._other: asyncio.Task[None] | None = None

    async def publish(self, *messages: Message) -> None:
        if any(isinstance(one, MessageStatusChanged) and one.status is self._status for one in messages):
            self._started.set()
            if self._other:
                await asyncio.wait({self._other}, timeout=PUBLISH_TIMEOUT_S)
        self._published.extend(messages)

    async def handle_during_publish(self, first: Message, second: Message) -> list[str]:
        """Handles `second` while a status of `first` is published. → all published statuses."""

        async def handle_second() -> None:
            await self._started.wait()
            await self.router.handle(second)

        self._other = asyncio.create_task(handle_second())
        await asyncio.gather(self.router.handle(first), self._other)
        return [event.status.value for event in self.router.of(MessageStatusChanged)]


async def test_a_receipt_is_published_after_the_acceptance_that_it_arrives_with(router: Router) -> None:
    await router.handle(command())
    assert await SlowPublish(router, "sent").handle_during_publish(outcome(), receipt("delivered")) == [
        "sent",
        "delivered",
    ]


async def test_a_receipt_that_is_handled_before_its_acceptance_is_published_after_it(router: Router) -> None:
    for number in range(20):
        await router.handle(command(f"m{number}"))
        router.published.clear()
        slow = SlowPublish(router, "sent")
        accepted = outcome(f"m{number}", f"W{number}")
        await asyncio.gather(slow.router.handle(receipt("delivered", f"W{number}")), slow.router.handle(accepted))
        assert [event.status.value for event in router.of(MessageStatusChanged)] == ["sent", "delivered"]


async def test_receipts_of_one_message_are_published_in_their_order(router: Router) -> None:
    await router.handle(command(), outcome())
    assert await SlowPublish(router, "delivered").handle_during_publish(receipt("delivered"), receipt("read")) == [
        "sent",
        "delivered",
        "read",
    ]


async def test_the_receipt_of_an_unconfirmed_message_is_published_after_its_failure(router: Router) -> None:
    await router.handle(command())
    common: dict[str, Any] = {"organization_id": ORG, "instance_id": ONE, "id": new_id(), "at": START}
    failure = MessageFailed(**common, message_id="m1", code="worker_died", detail="why", unconfirmed=True)
    assert await SlowPublish(router, "unconfirmed").handle_during_publish(failure, receipt("delivered")) == [
        "unconfirmed",
        "delivered",
    ]


@pytest.mark.parametrize("status", ["sent", "delivered"])
async def test_a_repeated_command_is_not_answered_with_a_status_of_before(router: Router, status: str) -> None:
    known = [outcome()] if status == "sent" else [outcome(), receipt("delivered")]
    await router.handle(command(), *known)
    router.published.clear()
    following = receipt("delivered" if status == "sent" else "read")
    repetition = command(id=new_id())
    assert await SlowPublish(router, status).handle_during_publish(repetition, following) == [status, following.status]
