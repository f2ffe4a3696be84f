"""Detects missed calls in the library's call events; each becomes a message of type `missed_call`."""

from collections import OrderedDict

from services.session.worker.mapping.event_mapping import IgnoredEvent, InstanceIdentity, to_utc
from services.session.worker.mapping.jids import UnmappableEvent, is_bot, party_from_jids
from services.session.worker.mapping.protobufs import CallMetaProtobuf, EventProtobuf
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.message_type import MessageType
from shared.text.bounded_text import MAX_ID

CALL_EVENTS = ("CallOffer", "CallOfferNotice", "CallAccept", "CallTerminate")
MAX_RINGING_CALLS = 1_000
"""Per account; beyond it the oldest are dropped."""
_HANDLED_ELSEWHERE_SUFFIX = "_elsewhere"
"""Of the reasons for the end of a call that another device of the account handled, such as `accepted_elsewhere`."""


class MissedCallDetector:
    """The calls of one account. A call that begins before a restart of the worker and ends after it is not reported.

    A call is missed when it was offered to this account and ended, and no other device of the account accepted or
    rejected it. A call that the owner makes is never offered here.
    """

    def __init__(self) -> None:
        self._ringing: OrderedDict[str, bool] = OrderedDict()
        """By call id: whether it is a video call."""

    def map_call_event(
        self, name: str, event: EventProtobuf, instance: InstanceIdentity
    ) -> MessageReceived | IgnoredEvent:
        """A neonize event of CALL_EVENTS. Raises UnmappableEvent (or ValidationError, a ValueError too)."""
        meta: CallMetaProtobuf = event.basicCallMeta
        if not meta.callID or len(meta.callID) > MAX_ID:
            raise UnmappableEvent("a call without an id, or with one that is too long")
        if name == "CallOffer" or (name == "CallOfferNotice" and event.type != "group"):
            self._ringing[meta.callID] = _has_video(event)
            if len(self._ringing) > MAX_RINGING_CALLS:
                self._ringing.popitem(last=False)
        elif name == "CallAccept" or (name == "CallTerminate" and event.reason.endswith(_HANDLED_ELSEWHERE_SUFFIX)):
            self._ringing.pop(meta.callID, None)
        elif name == "CallTerminate" and meta.callID in self._ringing:
            return _missed_call(meta, instance, has_video=self._ringing.pop(meta.callID))
        return IgnoredEvent(f"call-{name}")


def _missed_call(
    meta: CallMetaProtobuf, instance: InstanceIdentity, *, has_video: bool
) -> MessageReceived | IgnoredEvent:
    if is_bot(meta.callCreator):
        return IgnoredEvent("call-bot")
    caller = party_from_jids(meta.callCreator if meta.callCreator.User else getattr(meta, "from"), meta.callCreatorAlt)
    return MessageReceived(
        id=derived_id(instance.instance_id, "call", meta.callID),
        organization_id=instance.organization_id,
        instance_id=instance.instance_id,
        wa_id=meta.callID,
        sender=caller,
        chat=caller,
        type=MessageType.MISSED_CALL,
        text="Missed video call" if has_video else "Missed voice call",
        timestamp=to_utc(meta.timestamp),
    )


def _has_video(event: EventProtobuf) -> bool:
    return getattr(event, "media", "") == "video" or any(part.Tag == "video" for part in event.data.Nodes)
