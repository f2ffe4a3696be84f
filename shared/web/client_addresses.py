"""Addresses of clients, as they are written and as limits count them."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address


def parse_address(text: str) -> Address | None:
    """Of `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`; an IPv4 address inside an IPv6 one is the IPv4 address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network_of(text: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, which one host owns whole."""
    found = parse_address(text)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, 64), strict=False))
    return str(found) if found else "unknown"
