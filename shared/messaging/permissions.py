"""What each service may say and hear on NATS, from the classes that travel; docs.generate writes the server's users."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts.events import ConnectionChanged, PairingCodeIssued, QrIssued
from shared.contracts.message import EphemeralEvent, Event, Message
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
    REQUESTS,
    ROOMS_PREFIX,
    ROOMS_STREAM,
    durable_name,
    organization_events_filter,
    stream_of,
)

INTEGRATION = "integration"
"""The user for services that are not Switchboard's; its one durable consumer has this name."""
_EVENTS, _COMMANDS, _QUERIES = "wa.event.>", "wa.command.>", "wa.query.>"
_DECLARE = ("INFO", "CREATE", "UPDATE")
_STREAMS = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)
_LEASES = f"KV_{LEASES_BUCKET}"


@dataclass(frozen=True)
class NatsPermissions:
    """Subjects; `withheld` is taken away from what `publish` allows, `unheard` from what `subscribe` allows. `answers`:
    may answer what it is asked."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    deny_publish: tuple[str, ...] = ()
    answers: bool = False
    unheard: tuple[str, ...] = ()


def inbox_prefix(user: str) -> str:
    """Where answers to this user arrive; nobody else may listen there."""
    return f"_INBOX_{user}"


def _calls(*names: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{name}" for name in names)


def _looking(*streams: str) -> tuple[str, ...]:
    """Ask whether a stream is there and what it takes."""
    return _calls(*(f"STREAM.INFO.{stream}" for stream in streams))


def _declaring() -> tuple[str, ...]:
    """Only the api declares streams: who updates one can empty it, or make it take what others may not publish."""
    return _calls(*(f"STREAM.{verb}.{stream}" for stream in (*_STREAMS, ROOMS_STREAM) for verb in _DECLARE))


def _durable(stream: str, name: str) -> tuple[str, ...]:
    """Make, ask and acknowledge one durable consumer."""
    calls = ("INFO.{0}", "CREATE.{0}", "CREATE.{0}.>", "DURABLE.CREATE.{0}", "MSG.NEXT.{0}")
    return (
        *_calls(*(f"CONSUMER.{call.format(f'{stream}.{name}')}" for call in calls)),
        f"$JS.ACK.{stream}.{name}.>",
    )


def _consuming(service: str, classes: Iterable[type[Message]]) -> tuple[str, ...]:
    durables = ((stream_of(cls), durable_name(service, cls)) for cls in classes)
    return (f"{DEAD_PREFIX}>", *(right for durable in durables for right in _durable(*durable)))


def _said_by(service: str) -> tuple[str, ...]:
    facts: list[type[Event] | type[EphemeralEvent]] = [*EVENTS.values(), *EPHEMERAL_EVENTS.values()]
    issued = (cls.subject_filter() for cls in COMMANDS.values() if service in cls.issuers)
    return (*(cls.subject_filter() for cls in facts if service in cls.publishers), *issued)


def _heard_by(service: str) -> tuple[str, ...]:
    """Its answers, and what is only live."""
    live = (cls.subject_filter() for cls in EPHEMERAL_EVENTS.values() if service in cls.subscribers)
    return (f"{inbox_prefix(service)}.>", *live)


def _session() -> NatsPermissions:
    owned = [cls for cls in COMMANDS.values() if cls.subject.split(".")[2] == "session"]
    leases = (
        *_calls(*(f"STREAM.{verb}.{_LEASES}" for verb in ("INFO", "CREATE", "UPDATE", "MSG.GET"))),
        *_calls(*(f"CONSUMER.{verb}.{_LEASES}.>" for verb in ("CREATE", "INFO", "DELETE"))),
        *_calls(f"CONSUMER.CREATE.{_LEASES}"),
        *_calls(f"DIRECT.GET.{_LEASES}", f"DIRECT.GET.{_LEASES}.>"),
        f"$KV.{LEASES_BUCKET}.>",
        f"$JS.FC.{_LEASES}.>",
    )
    said = (*_looking(*_STREAMS), *_said_by("session"), *_consuming("session", owned), *leases)
    return NatsPermissions(said, (*_heard_by("session"), ResolveNumber.subject_filter()), answers=True)


def _router() -> NatsPermissions:
    owned = [cls for cls in COMMANDS.values() if cls.subject.split(".")[2] != "session"]
    said = (*_looking(*_STREAMS), *_said_by("router"), *_consuming("router", [*EVENTS.values(), *owned]))
    said = (*said, ResolveNumber.subject_filter())
    return NatsPermissions(said, (*_heard_by("router"), ConnectionChanged.subject_filter()))


def _api() -> NatsPermissions:
    """It replays dead letters of every kind, so it may publish every kind."""
    looking = _calls(f"CONSUMER.LIST.{EVENTS_STREAM}", f"CONSUMER.LIST.{COMMANDS_STREAM}")
    # the age of the oldest message of a queue is read from the message; NATS cannot allow one sequence only
    letters = _calls(*(f"STREAM.MSG.GET.{stream}" for stream in _STREAMS), f"STREAM.MSG.DELETE.{DEAD_STREAM}")
    said = (*_declaring(), _EVENTS, _COMMANDS, _QUERIES, *looking, *letters)
    asked = (_QUERIES, *(cls.subject_filter() for cls in REQUESTS.values()))
    return NatsPermissions(said, (f"{inbox_prefix('api')}.>", _EVENTS, *asked), answers=True)


def _realtime() -> NatsPermissions:
    """It faces the internet. Its consumers live as long as a room and have made-up names, so it may use all but the
    durable ones; it acknowledges nothing and may look at no stream but that of the events. It has to name a consumer in
    the subject: a request without a name in its subject may redirect any consumer by a name in its body."""
    consumers = _calls(
        f"CONSUMER.CREATE.{EVENTS_STREAM}.*.wa.event.>",
        *(f"CONSUMER.{verb}.{EVENTS_STREAM}.*" for verb in ("INFO", "DELETE", "MSG.NEXT")),
    )
    rooms = (f"{ROOMS_PREFIX}*", *_calls(f"DIRECT.GET.{ROOMS_STREAM}.{ROOMS_PREFIX}*"))
    said = (*_looking(EVENTS_STREAM), *_said_by("realtime"), _QUERIES, *consumers, *rooms)
    foreign = [INTEGRATION, *(durable_name("router", cls) for cls in EVENTS.values())]
    withheld = tuple(right for name in foreign for right in _durable(EVENTS_STREAM, name))
    deletions = _calls(*(f"CONSUMER.DELETE.{EVENTS_STREAM}.{name}" for name in foreign))
    return NatsPermissions(said, (*_heard_by("realtime"), _EVENTS), (*withheld, *deletions))


def _bus_patterns(organization_id: str = "*") -> tuple[str, ...]:
    """What a service that is not Switchboard's may say: commands and requests about messages and bookings, live."""
    issued = [cls for cls in COMMANDS.values() if "api" in cls.issuers and cls.subject.split(".")[2] != "session"]
    asked = [cls for cls in REQUESTS.values() if INTEGRATION in cls.issuers]
    live = [cls for cls in EPHEMERAL_EVENTS.values() if INTEGRATION in cls.publishers]
    return tuple(cls.subject_filter(organization_id) for cls in (*issued, *asked, *live))


def _internal_queries(organization_id: str = "*") -> tuple[str, ...]:
    """Questions of our own services only: they make an instance, try API keys, or use up the budgets of callers."""
    classes = (RequestQr, VerifyApiKey, TakeRateLimit, CountFailedCredential)
    return tuple(cls.subject_filter(organization_id) for cls in classes)


def _integration() -> NatsPermissions:
    """Hears events, asks questions, issues and asks what concerns messages and bookings; administers nothing."""
    said = (
        *_bus_patterns(),
        _QUERIES,
        *_looking(EVENTS_STREAM),
        *_durable(EVENTS_STREAM, INTEGRATION),
        f"$JS.FC.{EVENTS_STREAM}.{INTEGRATION}.>",
    )
    return NatsPermissions(said, (*_heard_by(INTEGRATION), _EVENTS), _internal_queries())


def organization_rights(organization_id: str, user: str) -> NatsPermissions:
    """Those of `integration` within one organization, without a consumer: a consumer may read every subject. Codes that
    link an account need the scope `manage` over REST and sockets, so they are neither heard nor asked for."""
    live = (cls.subject_filter(organization_id) for cls in EPHEMERAL_EVENTS.values() if INTEGRATION in cls.subscribers)
    heard = (f"{inbox_prefix(user)}.>", organization_events_filter(organization_id), *live)
    said = (*_bus_patterns(organization_id), f"wa.query.*.*.{organization_id}.*")
    codes = (QrIssued.subject_filter(organization_id), PairingCodeIssued.subject_filter(organization_id))
    asked = (cls.subject_filter(organization_id) for cls in (ReadCurrentQr, ReadCurrentPairingCode, ListShownCodes))
    return NatsPermissions(said, heard, (*_internal_queries(organization_id), *asked), unheard=codes)


def rights() -> dict[str, NatsPermissions]:
    """Of every user of the server, by name."""
    return {
        "session": _session(),
        "router": _router(),
        "api": _api(),
        "realtime": _realtime(),
        INTEGRATION: _integration(),
    }
