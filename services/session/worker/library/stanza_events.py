"""Handles the stanzas of one client, and warnings about them, that are read from the library's log (stanzas.py)."""

import logging

from services.session.worker.library.callback_activity import CallbackActivity
from services.session.worker.library.deferred_receipts import DeferredReceipts
from services.session.worker.library.ignored_copies import IgnoredCopies
from services.session.worker.library.stanzas import (
    StanzaElement,
    StanzaParseError,
    chat_presence_from,
    login_failure_from,
    parse_stanza,
    receipts_from,
)
from services.session.worker.library.whatsapp_port import IGNORED_MESSAGE, ClientListener, OwnDevice

_HANDLED_PREFIXES = ("<receipt ", "<chatstate ", "<failure ")

log = logging.getLogger(__name__)


class StanzaHandler:
    """Calls the listener with receipts, chat states and refused logins."""

    def __init__(self, listener: ClientListener, activity: CallbackActivity) -> None:
        self._listener = listener
        self._own_users: frozenset[str] = frozenset()
        self._ignored_copies = IgnoredCopies()
        self._deferred_receipts = DeferredReceipts(
            activity.seconds_since_callback, lambda raw: activity.run_callback(self._on_receipt, raw)
        )

    @property
    def has_pending_receipts(self) -> bool:
        """Whether a receipt has come in that the listener does not have yet."""
        return len(self._deferred_receipts) > 0

    def set_own_device(self, device: OwnDevice) -> None:
        self._own_users = frozenset({device.phone, device.lid or device.phone})

    @staticmethod
    def handles(line: str) -> bool:
        return line.startswith(_HANDLED_PREFIXES)

    def handle(self, line: str) -> bool:
        """Called before the library processes the stanza. True: the connection has ended, and the library must not
        process it."""
        try:
            return self._dispatch(parse_stanza(line))
        except StanzaParseError as problem:
            log.info("a stanza is ignored: %s", problem)
            self._listener.on_malformed_event("stanza")
            return False

    def remember_message(self, line: str) -> None:
        """Called before the library processes a stanza that `handle` does not handle."""
        self._ignored_copies.remember(line)

    def handle_warning(self, text: str) -> None:
        """A line of the library's log that is no stanza."""
        try:
            message = self._ignored_copies.ignored_message(text, self._own_users)
        except StanzaParseError as problem:
            log.info("a repeated message is ignored: %s", problem)
            return
        if message is not None:
            self._listener.on_raw_event(IGNORED_MESSAGE, message.SerializeToString())

    def _dispatch(self, stanza: StanzaElement) -> bool:
        if stanza.tag == "failure":
            failure = login_failure_from(stanza)
            if failure:
                self._listener.on_login_refused(failure)
            return failure is not None
        if stanza.tag == "chatstate":
            if chat_presence := chat_presence_from(stanza, self._own_users):
                self._listener.on_event("ChatPresence", chat_presence)
            return False
        receipts = receipts_from(stanza, self._own_users)
        for receipt in receipts:
            handle = self._deferred_receipts.put if receipt.MessageSource.IsFromMe else self._on_receipt
            handle(receipt.SerializeToString())
        if not receipts:
            self._listener.on_event("Receipt-unknown", None)
        return False

    def _on_receipt(self, raw: bytes) -> None:
        self._listener.on_raw_event("Receipt", raw)
