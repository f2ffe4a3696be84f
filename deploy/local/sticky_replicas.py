"""Sticky sessions: a Socket.IO session exists only in the realtime service that opened it."""

import re
from collections import OrderedDict
from itertools import cycle

MAX_REMEMBERED_SESSIONS = 100_000
"""Above this the least recently used session is forgotten."""
_SESSION = re.compile(rb'"sid":"([^"]+)"')


class StickyReplicas:
    """New sessions go round robin; a remembered session goes to the service that opened it."""

    def __init__(self, urls: list[str]) -> None:
        self._round_robin = cycle(urls)
        self._url_by_session = OrderedDict[str, str]()

    def url_for(self, session: str | None) -> str:
        """The base URL for a request of this session; None: a request that opens a session."""
        if session is None or session not in self._url_by_session:
            return next(self._round_robin)
        self._url_by_session.move_to_end(session)
        return self._url_by_session[session]

    def remember_session(self, body: bytes, url: str) -> None:
        """Reads the session id from the response that opened the session."""
        if match := _SESSION.search(body):
            self._url_by_session[match[1].decode()] = url
            if len(self._url_by_session) > MAX_REMEMBERED_SESSIONS:
                self._url_by_session.popitem(last=False)
