"""IP addresses of clients: parsing, and the network that rate limits count."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address


def parse_ip_address(text: str) -> Address | None:
    """Parse `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`; an IPv4-mapped IPv6 address becomes the IPv4 address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_of(text: str) -> str:
    """One client for rate limits: an IPv4 address, or the /64 network of an IPv6 address, which belongs to one host."""
    address = parse_ip_address(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address) if address else "unknown"
