"""What became of the sends of a kill-test round, in MongoDB, the event stream, the socket and with the recipients."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.kill_test_send_counts import KnownStatus, SendResult
from deploy.local.kill_test_sends import SendRequest
from deploy.local.stream_times import stored_messages
from shared.contracts.events import CommandRefused, MessageStatusChanged
from shared.messaging.client import NatsClient, jetstream
from simulator.client import SimulatorClient


@dataclass(frozen=True)
class SendSources:
    """Where the outcomes are read. contacts: the recipients of all accounts. on_socket: see SocketRecorder.statuses."""

    database: AsyncDatabase[dict[str, Any]]
    nats_url: str
    organization_id: str
    simulator: SimulatorClient
    contacts: Sequence[str]
    on_socket: dict[str, str]


@dataclass
class PublishedEvents:
    """The last status by message id; the error code of a refusal by command id."""

    statuses: dict[str, KnownStatus] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)


async def read_send_results(sources: SendSources, requests: Sequence[SendRequest], begun: float) -> list[SendResult]:
    """One result for each request, in their order. begun: before the first of them, epoch seconds."""
    if not requests:
        return []
    stored, received, published = await asyncio.gather(
        _stored_messages(sources.database, [request.text for request in requests]),
        _received_messages(sources.simulator, sources.contacts),
        read_events(sources.nats_url, sources.organization_id, begun),
    )
    return [_result(sources, request, stored[request.text], received[request.text], published) for request in requests]


def _result(
    sources: SendSources,
    request: SendRequest,
    stored: dict[str, KnownStatus],
    received: set[str],
    published: PublishedEvents,
) -> SendResult:
    message_id = next(iter(stored), request.key)
    return SendResult(
        text=request.text,
        answer=published.refusals.get(request.command_id or "", request.answer),
        stored=stored,
        published=published.statuses.get(message_id),
        on_socket=sources.on_socket.get(message_id),
        received=frozenset(received),
    )


async def _stored_messages(
    database: AsyncDatabase[dict[str, Any]], texts: Iterable[str]
) -> defaultdict[str, dict[str, KnownStatus]]:
    """By text, the statuses by message id."""
    found: defaultdict[str, dict[str, KnownStatus]] = defaultdict(dict)
    async for message in database["messages"].find({"origin": "api", "text": {"$in": list(texts)}}):
        found[message["text"]][message["_id"]] = KnownStatus(message["status"], message.get("error"))
    return found


async def _received_messages(simulator: SimulatorClient, contacts: Iterable[str]) -> defaultdict[str, set[str]]:
    """By text, the ids of the WhatsApp messages in the inboxes of the contacts."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for number in contacts:
        for message in (await simulator.get(f"/contacts/{number}/inbox?after=0&wait=0"))["messages"]:
            found[message["text"]].add(message["id"])
    return found


async def read_events(url: str, organization_id: str, begun: float) -> PublishedEvents:
    """What the event stream says of sends since `begun`."""
    events, client = PublishedEvents(), NatsClient()
    await client.connect(url)
    js = jetstream(client)
    try:
        async for message in stored_messages(js, MessageStatusChanged.subject_filter(organization_id), begun):
            change = MessageStatusChanged.from_nats(message.subject, message.data)
            events.statuses[change.message_id] = KnownStatus(change.status.value, change.error)
        async for message in stored_messages(js, CommandRefused.subject_filter(organization_id), begun):
            refusal = CommandRefused.from_nats(message.subject, message.data)
            events.refusals[str(refusal.cause)] = refusal.code
    finally:
        await client.close()
    return events
