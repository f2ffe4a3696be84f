"""What each service may say and hear on NATS, from the classes that travel; docs.generate writes the server's users."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.message import Event, Live, Message
from shared.queries import ResolveNumber, ShowQr
from shared.topology import (
    COMMANDS,
    COMMANDS_STREAM,
    DEAD_PREFIX,
    DEAD_STREAM,
    EVENTS,
    EVENTS_STREAM,
    LEASES_BUCKET,
    LIVE,
    REQUESTS,
    durable_name,
    stream_of,
)

INTEGRATION = "integration"
"""The user for services that are not Switchboard's; its one durable consumer has this name."""
_EVENTS, _COMMANDS, _QUERIES = "wa.event.>", "wa.command.>", "wa.query.>"
_FLOW = "$JS.FC.>"
_LEASES = f"KV_{LEASES_BUCKET}"


@dataclass(frozen=True)
class Rights:
    """Subjects; `withheld` is taken away from what `publish` allows. `answers`: may answer what it is asked."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    withheld: tuple[str, ...] = ()
    answers: bool = False


def inbox_prefix(user: str) -> str:
    """Where answers to this user arrive; nobody else may listen there."""
    return f"_INBOX_{user}"


def _calls(*names: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{name}" for name in names)


def _declaring() -> tuple[str, ...]:
    """Every service declares the streams when it starts."""
    streams = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)
    return _calls(*(f"STREAM.{verb}.{stream}" for stream in streams for verb in ("INFO", "CREATE", "UPDATE")))


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
    facts: list[type[Event] | type[Live]] = [*EVENTS.values(), *LIVE.values()]
    issued = (cls.pattern() for cls in COMMANDS.values() if service in cls.issuers)
    return (*(cls.pattern() for cls in facts if service in cls.publishers), *issued, _QUERIES)


def _heard_by(service: str) -> tuple[str, ...]:
    """Its answers, and what is only live."""
    live = (cls.pattern() for cls in LIVE.values() if service in cls.hearers)
    return (f"{inbox_prefix(service)}.>", *live)


def _session() -> Rights:
    owned = [cls for cls in COMMANDS.values() if cls.subject.split(".")[2] == "session"]
    leases = (
        *_calls(*(f"STREAM.{verb}.{_LEASES}" for verb in ("INFO", "CREATE", "UPDATE", "MSG.GET"))),
        *_calls(*(f"CONSUMER.{verb}.{_LEASES}.>" for verb in ("CREATE", "INFO", "DELETE"))),
        *_calls(f"CONSUMER.CREATE.{_LEASES}"),
        *_calls(f"DIRECT.GET.{_LEASES}", f"DIRECT.GET.{_LEASES}.>"),
        f"$KV.{LEASES_BUCKET}.>",
        _FLOW,
    )
    said = (*_declaring(), *_said_by("session"), *_consuming("session", owned), *leases)
    return Rights(said, (*_heard_by("session"), ResolveNumber.pattern()), answers=True)


def _router() -> Rights:
    owned = [cls for cls in COMMANDS.values() if cls.subject.split(".")[2] != "session"]
    said = (*_declaring(), *_said_by("router"), *_consuming("router", [*EVENTS.values(), *owned]))
    return Rights(said, _heard_by("router"))


def _api() -> Rights:
    """It replays dead letters of every kind, so it may publish every kind."""
    looking = _calls(f"CONSUMER.LIST.{EVENTS_STREAM}", f"CONSUMER.LIST.{COMMANDS_STREAM}")
    letters = _calls("STREAM.MSG.GET.*", f"STREAM.MSG.DELETE.{DEAD_STREAM}")
    said = (*_declaring(), _EVENTS, _COMMANDS, _QUERIES, *looking, *letters)
    asked = (_QUERIES, *(cls.pattern() for cls in REQUESTS.values()))
    return Rights(said, (f"{inbox_prefix('api')}.>", _EVENTS, *asked), answers=True)


def _realtime() -> Rights:
    """Its consumers live as long as a room and have made-up names, so it may use all but the router's."""
    consumers = _calls(
        f"CONSUMER.CREATE.{EVENTS_STREAM}", f"CONSUMER.CREATE.{EVENTS_STREAM}.>", f"STREAM.MSG.GET.{EVENTS_STREAM}",
        *(f"CONSUMER.{verb}.{EVENTS_STREAM}.*" for verb in ("INFO", "DELETE", "MSG.NEXT")),
    )  # fmt: skip
    said = (*_declaring(), *_said_by("realtime"), *consumers, f"$JS.ACK.{EVENTS_STREAM}.>", _FLOW)
    foreign = [durable_name("router", cls) for cls in EVENTS.values()]
    withheld = tuple(right for name in foreign for right in _durable(EVENTS_STREAM, name))
    deletions = _calls(*(f"CONSUMER.DELETE.{EVENTS_STREAM}.{name}" for name in foreign))
    return Rights(said, (*_heard_by("realtime"), _EVENTS), (*withheld, *deletions))


def _integration() -> Rights:
    """Hears events, asks questions, issues and asks what concerns messages and bookings; administers nothing."""
    issued = [cls for cls in COMMANDS.values() if "api" in cls.issuers and cls.subject.split(".")[2] != "session"]
    asked = [cls for cls in REQUESTS.values() if INTEGRATION in cls.issuers]
    live = [cls for cls in LIVE.values() if INTEGRATION in cls.publishers]
    said = (
        *(cls.pattern() for cls in (*issued, *asked, *live)), _QUERIES, *_calls(f"STREAM.INFO.{EVENTS_STREAM}"),
        *_durable(EVENTS_STREAM, INTEGRATION), _FLOW,
    )  # fmt: skip
    return Rights(said, (*_heard_by(INTEGRATION), _EVENTS), (ShowQr.pattern(),))


def rights() -> dict[str, Rights]:
    """Of every user of the server, by name."""
    return {
        "session": _session(),
        "router": _router(),
        "api": _api(),
        "realtime": _realtime(),
        INTEGRATION: _integration(),
    }
