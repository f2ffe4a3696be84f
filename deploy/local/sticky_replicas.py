"""Which of several realtime services a Socket.IO session lives on. A session exists in the process that opened it."""

import re
from collections import OrderedDict
from itertools import cycle

REMEMBERED = 100_000
"""Sessions; of more the longest unused is forgotten."""
_SESSION = re.compile(rb'"sid":"([^"]+)"')


class Replicas:
    """New sessions go round; a session that is known goes where it was opened."""

    def __init__(self, urls: list[str]) -> None:
        self._turns, self._homes = cycle(urls), OrderedDict[str, str]()

    def of(self, session: str | None) -> str:
        """The base address for a request of this session, or of one that is yet to be opened."""
        if session is None or session not in self._homes:
            return next(self._turns)
        self._homes.move_to_end(session)
        return self._homes[session]

    def learn(self, body: bytes, url: str) -> None:
        """From the answer to the first request of a session, which names it."""
        if found := _SESSION.search(body):
            self._homes[found[1].decode()] = url
            if len(self._homes) > REMEMBERED:
                self._homes.popitem(last=False)
