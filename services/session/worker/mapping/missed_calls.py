"""Calls somebody missed, from the library's call events: each becomes a line of its own kind."""

from collections import OrderedDict
from typing import Any

from services.session.worker.mapping.event_mapping import IgnoredEvent, InstanceIdentity, to_utc
from services.session.worker.mapping.jids import UnmappableEvent, is_bot, party_from_jids
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ID

CALL_EVENTS = ("CallOffer", "CallOfferNotice", "CallAccept", "CallTerminate")
MISSED_CALL_TYPE = "missed_call"
MAX_RINGING_CALLS = 1_000
"""Calls of one account that are remembered from their offer to their end."""
_HANDLED_ELSEWHERE_SUFFIX = "_elsewhere"
"""The end of the reasons that name what another device of the account did: `accepted_elsewhere` and the like."""


class MissedCallDetector:
    """What is going on at one account; a call that a restart of the worker cuts in two is not told.

    A missed call was offered to this account and ended, and no other device of the account accepted or rejected it. A
    call that the owner makes is never offered here.
    """

    def __init__(self) -> None:
        self._ringing: OrderedDict[str, bool] = OrderedDict()
        """By id: whether it has a picture."""

    def map_call_event(self, name: str, event: Any, account: InstanceIdentity) -> MessageReceived | IgnoredEvent:
        """A neonize event of CALL_EVENTS. Raises UnmappableEvent (or ValidationError, a ValueError too)."""
        meta = event.basicCallMeta
        if not meta.callID or len(meta.callID) > MAX_ID:
            raise UnmappableEvent("a call without an id, or with one that is too long")
        if name == "CallOffer" or (name == "CallOfferNotice" and event.type != "group"):
            self._add_ringing(meta.callID, _has_video(event))
        elif name == "CallAccept" or (name == "CallTerminate" and event.reason.endswith(_HANDLED_ELSEWHERE_SUFFIX)):
            self._ringing.pop(meta.callID, None)
        elif name == "CallTerminate" and meta.callID in self._ringing:
            return _missed_call(meta, account, has_picture=self._ringing.pop(meta.callID))
        return IgnoredEvent(f"call-{name}")

    def _add_ringing(self, call_id: str, has_picture: bool) -> None:
        self._ringing[call_id] = has_picture
        if len(self._ringing) > MAX_RINGING_CALLS:
            self._ringing.popitem(last=False)


def _missed_call(meta: Any, account: InstanceIdentity, *, has_picture: bool) -> MessageReceived | IgnoredEvent:
    if is_bot(meta.callCreator):
        return IgnoredEvent("call-robot")
    caller = _caller(meta)
    return MessageReceived(
        id=derived_id(account.instance_id, "call", meta.callID),
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        wa_id=meta.callID,
        sender=caller,
        chat=caller,
        type=MISSED_CALL_TYPE,
        text="Missed video call" if has_picture else "Missed voice call",
        timestamp=to_utc(meta.timestamp),
    )


def _caller(meta: Any) -> Party:
    return party_from_jids(meta.callCreator if meta.callCreator.User else getattr(meta, "from"), meta.callCreatorAlt)


def _has_video(event: Any) -> bool:
    announced = getattr(event, "media", "")
    return announced == "video" or any(part.Tag == "video" for part in event.data.Nodes)
