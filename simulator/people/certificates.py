"""The certificate a business sends with its messages: the name that WhatsApp verified."""

from simulator.protocol.node import Node, leaf
from simulator.protocol.tiny_protobuf import pack

SIGNATURE = bytes(64)
"""Clients do not check it."""


def certificate(name: str) -> Node:
    serial, issuer, verified_name = 1, b"smb:wa", name.encode()
    details = pack([(1, serial), (2, issuer), (4, verified_name)])
    return leaf("verified_name", pack([(1, details), (2, SIGNATURE)]), {"v": "2", "verified_level": "unknown"})
