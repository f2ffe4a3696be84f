"""Where a request really comes from: X-Forwarded-* headers count only when a trusted proxy sent them.

uvicorn's own middleware is not used (`proxy_headers=False`): it takes any text for an address, reads a setting it
cannot parse as a host name, and leaves the headers of untrusted peers to the code behind it (docs/decisions/0027).
"""

import logging
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.web.client_addresses import Address, parse_address

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network
MAX_FORWARDED_HOPS = 32
"""Entries of X-Forwarded-For that are looked at."""
MAX_WARNED_PEERS = 10
"""Peers the log names: a front server that was forgotten in the settings is among the first."""
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")
_SCHEMES = {"http", "https", "ws", "wss"}


def parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas. Raises ValueError."""
    found: list[Network] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        try:
            network = ip_network(part)
        except ValueError as error:
            raise ValueError(f"{error}; give addresses or networks with commas, such as 172.30.0.0/24") from error
        if network.prefixlen == 0:
            raise ValueError(f"{part} would trust everybody; name the network of the front server")
        found.append(network)
    return tuple(found)


class TrustedProxies:
    """ASGI middleware in front of everything: sets `client`, `scheme` and the Host header as a trusted proxy says.

    From any other peer these headers are taken away, so that no code behind can be deceived by them.
    """

    def __init__(self, app: ASGIApp, networks: Sequence[Network]) -> None:
        self._app, self._networks = app, networks
        self._warned: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = scope["client"][0] if scope.get("client") else ""
            if self._trusts(parse_address(peer)):
                self._believe(scope)
            else:
                scope = self._disbelieve(scope, peer)
        await self._app(scope, receive, send)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _believe(self, scope: Scope) -> None:
        given = _values(scope)
        if client := self._client(given.get(b"x-forwarded-for", "")):
            scope["client"] = (str(client), 0)
        scheme = given.get(b"x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if scheme in _SCHEMES:
            secure = scheme in ("https", "wss")
            plain = "ws" if scope["type"] == "websocket" else "http"
            scope["scheme"] = plain + "s" * secure
        if host := given.get(b"x-forwarded-host", "").rpartition(",")[2].strip():
            others = [pair for pair in scope["headers"] if pair[0].lower() != b"host"]
            scope["headers"] = [(b"host", host.encode("latin-1")), *others]

    def _disbelieve(self, scope: Scope, peer: str) -> Scope:
        kept = [pair for pair in scope["headers"] if not pair[0].lower().startswith(_FORWARDED)]
        if len(kept) < len(scope["headers"]) and peer not in self._warned and len(self._warned) < MAX_WARNED_PEERS:
            self._warned.add(peer)
            log.warning(
                "%s sends X-Forwarded headers, which are ignored: all its clients count as one; if it is your front "
                "server, name its address or network in WA_TRUSTED_PROXIES",
                peer or "a peer without an address",
            )
        return {**scope, "headers": kept}

    def _client(self, forwarded: str) -> Address | None:
        """The first address from the right that is no trusted proxy. None when a hop is no address: then the peer is
        all that is known."""
        client: Address | None = None
        for hop in reversed(forwarded.split(",")[-MAX_FORWARDED_HOPS:]):
            if (found := parse_address(hop.strip())) is None:
                break
            client = found
            if not self._trusts(client):
                break
        return client


def _values(scope: Scope) -> dict[bytes, str]:
    """Repeated headers are one list."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        key, text = name.lower(), value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found
