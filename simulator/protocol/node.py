"""Stanzas as values: a tag, attributes and either children or bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from simulator.protocol.jid import Jid

Attribute: TypeAlias = str | int | Jid | None
Attributes: TypeAlias = dict[str, Attribute]
NodeContent: TypeAlias = "bytes | list[Node] | None"


@dataclass
class Node:
    """One element. Attributes that are None or empty are not sent."""

    tag: str
    attrs: dict[str, Attribute] = field(default_factory=dict)
    content: NodeContent = None

    @property
    def children(self) -> list["Node"]:
        return self.content if isinstance(self.content, list) else []

    def child(self, *path: str) -> "Node | None":
        """The first descendant along `path`, or None."""
        node: Node | None = self
        for tag in path:
            node = next((child for child in node.children if child.tag == tag), None) if node else None
        return node

    def require_child(self, *path: str) -> "Node":
        """Like `child`; raises ValueError when there is none."""
        child = self.child(*path)
        if child is None:
            raise ValueError(f"<{self.tag}> has no <{'/'.join(path)}>")
        return child

    def all(self, tag: str) -> list["Node"]:
        return [child for child in self.children if child.tag == tag]

    def data(self, *path: str) -> bytes:
        """Bytes of the descendant along `path`; empty when it has none. Raises ValueError when it is missing."""
        content = self.require_child(*path).content if path else self.content
        return content if isinstance(content, bytes) else b""

    def number(self, *path: str) -> int:
        """Big-endian number in the bytes of the descendant along `path`."""
        return int.from_bytes(self.data(*path), "big")

    def text(self, name: str, default: str = "") -> str:
        """An attribute as text."""
        value = self.attrs.get(name)
        return default if value is None else str(value)

    def jid(self, name: str) -> Jid:
        """An attribute as an address. Raises ValueError when it is missing."""
        value = self.attrs.get(name)
        if value is None:
            raise ValueError(f"<{self.tag}> has no address in {name!r}")
        return value if isinstance(value, Jid) else Jid.parse(str(value))

    def __str__(self) -> str:
        attrs = "".join(f' {name}="{value}"' for name, value in self.attrs.items() if value is not None)
        if isinstance(self.content, list):
            return f"<{self.tag}{attrs}>{''.join(map(str, self.content))}</{self.tag}>"
        return f"<{self.tag}{attrs}>{len(self.content)} bytes</{self.tag}>" if self.content else f"<{self.tag}{attrs}/>"


def element(tag: str, attrs: Mapping[str, Attribute] | None = None, *children: Node) -> Node:
    """A node with children, or an empty one."""
    return Node(tag, dict(attrs or {}), list(children) or None)


def leaf(tag: str, data: bytes, attrs: Mapping[str, Attribute] | None = None) -> Node:
    """A node with bytes. The client accepts only bytes as content, for texts too."""
    return Node(tag, dict(attrs or {}), data)


def listed(tag: str, children: Sequence[Node], attrs: Mapping[str, Attribute] | None = None) -> Node:
    """A node whose list of children may be empty."""
    return Node(tag, dict(attrs or {}), list(children))
