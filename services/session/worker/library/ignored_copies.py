"""Finds received messages that the library ignores because it has decrypted them before.

WhatsApp delivers a message again when this process was killed before its acknowledgement left. The library stores that
it has decrypted a message before it calls us, and then ignores the copy: when the process was killed in between, nobody
has the text any more (docs/decisions/0013). Only a line of the library's log shows this.
"""

import re
from collections import deque
from collections.abc import Collection

from services.session.worker.library.stanzas import StanzaParseError, parse_stanza, protobufs, source_of_message
from services.session.worker.mapping.protobufs import UndecryptableProtobuf

_IGNORED_COPY = re.compile(r"Ignoring message (.+?) from .*received message with old counter", re.DOTALL)
_MESSAGE_PREFIX = "<message "
_HIDDEN = 'decrypt-fail="hide"'
_PEER = 'category="peer"'
MAX_REMEMBERED_MESSAGES = 1_024
"""Stanzas that the library may not have decrypted yet; 300 bytes each."""
_MAX_HEAD_CHARACTERS = 2_000


class IgnoredCopies:
    """Used on the library's threads, which call for one client one after the other."""

    def __init__(self) -> None:
        self._heads: deque[tuple[str, bool]] = deque(maxlen=MAX_REMEMBERED_MESSAGES)
        """The start tag of each received message, and whether clients show nothing when they cannot read it."""

    def remember(self, line: str) -> None:
        """A received stanza, before the library decrypts it. Those between the account's own devices are left out."""
        if line.startswith(_MESSAGE_PREFIX) and _PEER not in (head := line[: line.find(">")]):
            self._heads.append((head[:_MAX_HEAD_CHARACTERS], _HIDDEN in line))

    def ignored_message(self, warning: str, own_users: Collection[str]) -> UndecryptableProtobuf | None:
        """The event of a message that cannot be read, for a warning that the library ignores its copy. None for other
        warnings, and for a message that was not received on this connection.

        Raises StanzaParseError.
        """
        if (match := _IGNORED_COPY.match(warning)) is None:
            return None
        id_attribute = f' id="{match[1]}"'
        found = next((one for one in reversed(self._heads) if id_attribute in one[0]), None)
        if found is None:
            return None
        head, is_hidden = found
        stanza = parse_stanza(f"{head.rstrip('/')}/>")
        timestamp = stanza.attribute("t")
        if stanza.attribute("id") != match[1] or not (timestamp.isascii() and timestamp.isdecimal()):
            raise StanzaParseError("a message without a time, or with another id")
        pb = protobufs()
        info = pb.MessageInfo(
            MessageSource=source_of_message(stanza, own_users),
            ID=match[1],
            ServerID=0,
            Type="",
            Pushname="",
            Timestamp=int(timestamp[:15]),
            Category="",
            Multicast=False,
            MediaType="",
            Edit="",
        )
        mode = "DECRYPT_FAIL_HIDE" if is_hidden else "DECRYPT_FAIL_SHOW"
        event: UndecryptableProtobuf = pb.UndecryptableMessage(
            Info=info,
            IsUnavailable=False,
            DecryptFailMode=pb.UndecryptableMessage.DecryptFailModeT.Value(mode),
        )
        return event
