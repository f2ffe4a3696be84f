"""NATS publish and subscribe permissions of each service, derived from the message classes.

`python -m docs.generate` writes them into the configuration of nats-server.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts.events import (
    BookingCreated,
    BookingUpdated,
    ConnectionChanged,
    ContactUpdated,
    PairingCodeIssued,
    QrIssued,
    SettingsChanged,
)
from shared.contracts.message import EphemeralEvent, Event, Message, Request
from shared.contracts.queries import (
    CountFailedCredential,
    ListShownCodes,
    ReadCurrentPairingCode,
    ReadCurrentQr,
    RequestQr,
    ResolveNumber,
    TakeRateLimit,
    VerifyApiKey,
)
from shared.contracts.registry import (
    COMMANDS,
    COMMANDS_STREAM,
    DEAD_PREFIX,
    DEAD_STREAM,
    EPHEMERAL_EVENTS,
    EVENTS,
    EVENTS_STREAM,
    LEASES_BUCKET,
    ROOMS_PREFIX,
    ROOMS_STREAM,
    durable_name,
    organization_events_filter,
    stream_of,
)

INTEGRATION = "integration"
"""The NATS user of other services; its one durable consumer has the same name."""
INTEGRATION_REQUESTS = (
    "wa.command.instance.send",
    "wa.command.booking.open",
    "wa.command.booking.move",
    "wa.command.booking.decide",
    "wa.command.contact.change",
    "wa.command.contact.join",
    "wa.command.contact.take-apart",
    "wa.command.contact.dismiss-merge",
    "wa.command.conversation.mark-read",
    "wa.command.conversation.hand-over",
    "wa.command.conversation.close",
    "wa.command.conversation.reopen",
)
"""Requests that other services may send; all others are for users to whom an operator grants them."""
_EVENTS, _COMMANDS, _QUERIES = "wa.event.>", "wa.command.>", "wa.query.>"
_DECLARE = ("INFO", "CREATE", "UPDATE")
_STREAMS = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)
_LEASES = f"KV_{LEASES_BUCKET}"


@dataclass(frozen=True)
class NatsPermissions:
    """Subject filters. `allow_responses`: may publish a reply to each request it receives."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    deny_publish: tuple[str, ...] = ()
    deny_subscribe: tuple[str, ...] = ()
    allow_responses: bool = False


def inbox_prefix(user: str) -> str:
    """The prefix of the reply subjects of this user; no other user may subscribe to them."""
    return f"_INBOX_{user}"


def _api_calls(*names: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{name}" for name in names)


def _read_streams(*streams: str) -> tuple[str, ...]:
    """Read whether a stream exists and which subjects it takes."""
    return _api_calls(*(f"STREAM.INFO.{stream}" for stream in streams))


def _declare_streams() -> tuple[str, ...]:
    """For the api alone: whoever updates a stream can empty it, or let it take subjects that others may not publish."""
    return _api_calls(*(f"STREAM.{verb}.{stream}" for stream in (*_STREAMS, ROOMS_STREAM) for verb in _DECLARE))


def _use_durable(stream: str, name: str) -> tuple[str, ...]:
    """Create, read and ack one durable consumer."""
    calls = ("INFO.{0}", "CREATE.{0}", "CREATE.{0}.>", "DURABLE.CREATE.{0}", "MSG.NEXT.{0}")
    return (
        *_api_calls(*(f"CONSUMER.{call.format(f'{stream}.{name}')}" for call in calls)),
        f"$JS.ACK.{stream}.{name}.>",
    )


def _consume(service: str, classes: Iterable[type[Message]]) -> tuple[str, ...]:
    durables = ((stream_of(cls), durable_name(service, cls)) for cls in classes)
    return (f"{DEAD_PREFIX}>", *(subject for durable in durables for subject in _use_durable(*durable)))


def _publishes(service: str) -> tuple[str, ...]:
    published: list[type[Event] | type[EphemeralEvent]] = [*EVENTS.values(), *EPHEMERAL_EVENTS.values()]
    issued = (cls.subject_filter() for cls in COMMANDS.values() if service in cls.issuers)
    return (*(cls.subject_filter() for cls in published if service in cls.publishers), *issued)


def _subscribes(service: str) -> tuple[str, ...]:
    """Its replies, and ephemeral events."""
    ephemeral = (cls.subject_filter() for cls in EPHEMERAL_EVENTS.values() if service in cls.subscribers)
    return (f"{inbox_prefix(service)}.>", *ephemeral)


def _session() -> NatsPermissions:
    owned = [cls for cls in COMMANDS.values() if cls.subject.split(".")[2] == "session"]
    leases = (
        *_api_calls(*(f"STREAM.{verb}.{_LEASES}" for verb in ("INFO", "CREATE", "UPDATE", "MSG.GET"))),
        *_api_calls(*(f"CONSUMER.{verb}.{_LEASES}.>" for verb in ("CREATE", "INFO", "DELETE"))),
        *_api_calls(f"CONSUMER.CREATE.{_LEASES}"),
        *_api_calls(f"DIRECT.GET.{_LEASES}", f"DIRECT.GET.{_LEASES}.>"),
        f"$KV.{LEASES_BUCKET}.>",
        f"$JS.FC.{_LEASES}.>",
    )
    publish = (*_read_streams(*_STREAMS), *_publishes("session"), *_consume("session", owned), *leases)
    return NatsPermissions(publish, (*_subscribes("session"), ResolveNumber.subject_filter()), allow_responses=True)


def _router() -> NatsPermissions:
    owned = [cls for cls in COMMANDS.values() if cls.subject.split(".")[2] != "session"]
    publish = (*_read_streams(*_STREAMS), *_publishes("router"), *_consume("router", [*EVENTS.values(), *owned]))
    publish = (*publish, ResolveNumber.subject_filter())
    make_caches_outdated = (ConnectionChanged, ContactUpdated, BookingCreated, BookingUpdated, SettingsChanged)
    return NatsPermissions(publish, (*_subscribes("router"), *(cls.subject_filter() for cls in make_caches_outdated)))


def _api(requests: Iterable[type[Request]]) -> NatsPermissions:
    """It replays dead letters of every class, so it may publish every class."""
    read_consumers = _api_calls(f"CONSUMER.LIST.{EVENTS_STREAM}", f"CONSUMER.LIST.{COMMANDS_STREAM}")
    # the age of the oldest message of a queue is read from the message; NATS cannot allow one sequence only
    dead_letters = _api_calls(*(f"STREAM.MSG.GET.{stream}" for stream in _STREAMS), f"STREAM.MSG.DELETE.{DEAD_STREAM}")
    publish = (*_declare_streams(), _EVENTS, _COMMANDS, _QUERIES, *read_consumers, *dead_letters)
    served = (_QUERIES, *(cls.subject_filter() for cls in requests))
    return NatsPermissions(publish, (f"{inbox_prefix('api')}.>", _EVENTS, *served), allow_responses=True)


def _realtime() -> NatsPermissions:
    """The service is reachable from the internet. Its consumers are ephemeral and have random names, so it may use all
    consumers but the durable ones of others. It acks nothing and reads no stream but that of the events. It must name
    the consumer in the subject: a request without a name there could change any consumer by the name in its body."""
    consumers = _api_calls(
        f"CONSUMER.CREATE.{EVENTS_STREAM}.*.wa.event.>",
        *(f"CONSUMER.{verb}.{EVENTS_STREAM}.*" for verb in ("INFO", "DELETE", "MSG.NEXT")),
    )
    rooms = (f"{ROOMS_PREFIX}*", *_api_calls(f"DIRECT.GET.{ROOMS_STREAM}.{ROOMS_PREFIX}*"))
    publish = (*_read_streams(EVENTS_STREAM), *_publishes("realtime"), _QUERIES, *consumers, *rooms)
    foreign = [INTEGRATION, *(durable_name("router", cls) for cls in EVENTS.values())]
    foreign_consumers = tuple(subject for name in foreign for subject in _use_durable(EVENTS_STREAM, name))
    deletions = _api_calls(*(f"CONSUMER.DELETE.{EVENTS_STREAM}.{name}" for name in foreign))
    return NatsPermissions(publish, (*_subscribes("realtime"), _EVENTS), (*foreign_consumers, *deletions))


def _integration_publishes(organization_id: str = "*") -> tuple[str, ...]:
    """For services of others: commands and requests about messages and bookings, and ephemeral events."""
    commands = [cls for cls in COMMANDS.values() if "api" in cls.issuers and cls.subject.split(".")[2] != "session"]
    ephemeral = [cls for cls in EPHEMERAL_EVENTS.values() if INTEGRATION in cls.publishers]
    requests = (f"{subject}.{organization_id}.*" for subject in INTEGRATION_REQUESTS)
    return (*(cls.subject_filter(organization_id) for cls in (*commands, *ephemeral)), *requests)


def _internal_queries(organization_id: str = "*") -> tuple[str, ...]:
    """Queries for our own services only: they create an instance, try API keys, or use up rate limits of callers."""
    classes = (RequestQr, VerifyApiKey, TakeRateLimit, CountFailedCredential)
    return tuple(cls.subject_filter(organization_id) for cls in classes)


def _integration() -> NatsPermissions:
    """Reads events, sends queries, and commands and requests about messages and bookings; administers nothing."""
    publish = (
        *_integration_publishes(),
        _QUERIES,
        *_read_streams(EVENTS_STREAM),
        *_use_durable(EVENTS_STREAM, INTEGRATION),
        f"$JS.FC.{EVENTS_STREAM}.{INTEGRATION}.>",
    )
    return NatsPermissions(publish, (*_subscribes(INTEGRATION), _EVENTS), _internal_queries())


def organization_permissions(organization_id: str, user: str) -> NatsPermissions:
    """Those of `integration` for one organization, without a consumer, which could read every subject.

    Codes to link an account need the scope `manage` over REST and sockets, so this user can neither receive nor request
    them.
    """
    ephemeral = (
        cls.subject_filter(organization_id) for cls in EPHEMERAL_EVENTS.values() if INTEGRATION in cls.subscribers
    )
    subscribe = (f"{inbox_prefix(user)}.>", organization_events_filter(organization_id), *ephemeral)
    publish = (*_integration_publishes(organization_id), f"wa.query.*.*.{organization_id}.*")
    codes = (QrIssued.subject_filter(organization_id), PairingCodeIssued.subject_filter(organization_id))
    code_queries = (
        cls.subject_filter(organization_id) for cls in (ReadCurrentQr, ReadCurrentPairingCode, ListShownCodes)
    )
    return NatsPermissions(publish, subscribe, (*_internal_queries(organization_id), *code_queries), codes)


def permissions_of_users(requests: Iterable[type[Request]]) -> dict[str, NatsPermissions]:
    """Of every user of nats-server, by name. `requests`: all that the api serves."""
    return {
        "session": _session(),
        "router": _router(),
        "api": _api(requests),
        "realtime": _realtime(),
        INTEGRATION: _integration(),
    }
