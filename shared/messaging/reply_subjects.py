"""Where an answer may be published. The one who asks names the subject; a service that answers may publish to more
subjects than the one who asks, so it answers to inboxes only."""

import logging
import re

from shared.messaging.client import NatsMessage

_INBOX = re.compile(r"_INBOX[A-Za-z0-9_-]*(\.[A-Za-z0-9]+)+")
"""Tokens made by client libraries are letters and digits; the subject a durable consumer delivers to has hyphens."""

log = logging.getLogger(__name__)


def is_inbox(subject: str) -> bool:
    """A subject on which a client waits for an answer, and nothing else listens."""
    return _INBOX.fullmatch(subject) is not None


def may_answer(message: NatsMessage) -> bool:
    """False for a message without a reply subject and for one whose answer would go elsewhere than to an inbox."""
    if message.reply and not is_inbox(message.reply):
        log.warning("%s: not answered, its reply subject %.100r is not an inbox", message.subject, message.reply)
    return is_inbox(message.reply)
