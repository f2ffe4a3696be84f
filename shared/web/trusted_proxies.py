"""The client address of a request: X-Forwarded-* headers are used only when a trusted proxy sent them.

uvicorn's own middleware is not used (`proxy_headers=False`): it takes any text as an address, reads a setting
that it cannot parse as a host name, and passes the headers of untrusted peers on (docs/decisions/0027).
"""

import logging
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.web.client_addresses import Address, parse_ip_address

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network
MAX_FORWARDED_HOPS = 32
"""Entries of X-Forwarded-For that are read."""
MAX_WARNED_PEERS = 10
"""Untrusted peers that are named in the log; a proxy missing in the settings is among the first."""
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")
_SCHEMES = {"http", "https", "ws", "wss"}


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse addresses and networks separated by commas. Raises ValueError."""
    networks: list[Network] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        try:
            network = ip_network(part)
        except ValueError as error:
            raise ValueError(f"{error}; give addresses or networks with commas, such as 172.30.0.0/24") from error
        if network.prefixlen == 0:
            raise ValueError(f"{part} would trust everybody; name the network of the front server")
        networks.append(network)
    return tuple(networks)


class TrustedProxies:
    """ASGI middleware: sets `client`, `scheme` and the Host header from the headers of a trusted proxy.

    Such headers of any other peer are removed.
    """

    def __init__(self, app: ASGIApp, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = networks
        self._warned: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = scope["client"][0] if scope.get("client") else ""
            if self._trusts(parse_ip_address(peer)):
                self._apply_headers(scope)
            else:
                scope = self._without_headers(scope, peer)
        await self._app(scope, receive, send)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _apply_headers(self, scope: Scope) -> None:
        headers = _header_values(scope)
        if client := self._client(headers.get(b"x-forwarded-for", "")):
            scope["client"] = (str(client), 0)
        scheme = headers.get(b"x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if scheme in _SCHEMES:
            secure = scheme in ("https", "wss")
            plain = "ws" if scope["type"] == "websocket" else "http"
            scope["scheme"] = plain + "s" * secure
        if host := headers.get(b"x-forwarded-host", "").rpartition(",")[2].strip():
            others = [pair for pair in scope["headers"] if pair[0].lower() != b"host"]
            scope["headers"] = [(b"host", host.encode("latin-1")), *others]

    def _without_headers(self, scope: Scope, peer: str) -> Scope:
        remaining = [pair for pair in scope["headers"] if not pair[0].lower().startswith(_FORWARDED)]
        if len(remaining) < len(scope["headers"]) and peer not in self._warned and len(self._warned) < MAX_WARNED_PEERS:
            self._warned.add(peer)
            log.warning(
                "%s sends X-Forwarded headers, which are ignored: all its clients count as one; if it is your front "
                "server, name its address or network in WA_TRUSTED_PROXIES",
                peer or "a peer without an address",
            )
        return {**scope, "headers": remaining}

    def _client(self, forwarded: str) -> Address | None:
        """The rightmost address that is no trusted proxy. None when a hop is no address: then the peer is the
        client."""
        client: Address | None = None
        for hop in reversed(forwarded.split(",")[-MAX_FORWARDED_HOPS:]):
            if (address := parse_ip_address(hop.strip())) is None:
                break
            client = address
            if not self._trusts(client):
                break
        return client


def _header_values(scope: Scope) -> dict[bytes, str]:
    """Header values by name; those of repeated headers are joined with commas."""
    values: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        key, text = name.lower(), value.decode("latin-1")
        values[key] = f"{values[key]},{text}" if key in values else text
    return values
