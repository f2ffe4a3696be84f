"""Calls somebody missed, from the library's call events: each becomes a line of its own kind."""

from collections import OrderedDict
from typing import Any

from services.session.worker.event_mapping import Account, Ignored, moment
from services.session.worker.jids import Untranslatable, is_robot, party_of
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ID

CALL_EVENTS = ("CallOffer", "CallOfferNotice", "CallAccept", "CallTerminate")
MISSED_CALL = "missed_call"
MAX_CALLS = 1_000
"""Calls of one account that are remembered from their offer to their end."""
_HANDLED = "_elsewhere"
"""The end of the reasons that name what another device of the account did: `accepted_elsewhere` and the like."""


class Calls:
    """What is going on at one account; a call that a restart of the worker cuts in two is not told.

    A missed call was offered to this account and ended, and no other device of the account accepted or rejected it. A
    call that the owner makes is never offered here.
    """

    def __init__(self) -> None:
        self._ringing: OrderedDict[str, bool] = OrderedDict()
        """By id: whether it has a picture."""

    def heard(self, name: str, event: Any, account: Account) -> MessageReceived | Ignored:
        """A neonize event of CALL_EVENTS. Raises Untranslatable (or ValidationError, a ValueError too)."""
        meta = event.basicCallMeta
        if not meta.callID or len(meta.callID) > MAX_ID:
            raise Untranslatable("a call without an id, or with one that is too long")
        if name == "CallOffer" or (name == "CallOfferNotice" and event.type != "group"):
            self._offered(meta.callID, _has_picture(event))
        elif name == "CallAccept" or (name == "CallTerminate" and event.reason.endswith(_HANDLED)):
            self._ringing.pop(meta.callID, None)
        elif name == "CallTerminate" and meta.callID in self._ringing:
            return _missed(meta, account, has_picture=self._ringing.pop(meta.callID))
        return Ignored(f"call-{name}")

    def _offered(self, call_id: str, has_picture: bool) -> None:
        self._ringing[call_id] = has_picture
        if len(self._ringing) > MAX_CALLS:
            self._ringing.popitem(last=False)


def _missed(meta: Any, account: Account, *, has_picture: bool) -> MessageReceived | Ignored:
    if is_robot(meta.callCreator):
        return Ignored("call-robot")
    caller = _caller(meta)
    return MessageReceived(
        id=derived_id(account.instance_id, "call", meta.callID),
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        wa_id=meta.callID,
        sender=caller,
        chat=caller,
        type=MISSED_CALL,
        text="Missed video call" if has_picture else "Missed voice call",
        timestamp=moment(meta.timestamp),
    )


def _caller(meta: Any) -> Party:
    return party_of(meta.callCreator if meta.callCreator.User else getattr(meta, "from"), meta.callCreatorAlt)


def _has_picture(event: Any) -> bool:
    announced = getattr(event, "media", "")
    return announced == "video" or any(part.Tag == "video" for part in event.data.Nodes)
