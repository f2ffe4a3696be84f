"""App state collections: enough to publish settings such as the push name, without which a client must not send
presence. The phone is the writer; linked devices get patches."""

import hashlib
import hmac
import json
import os
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from simulator.protocol.kdf import cbc_encrypt, hkdf, hmac256
from simulator.protocol.protos import SyncActionData, SyncdPatch

HASH_LENGTH = 128


def lt_hash(base: bytes, item: bytes, sign: int) -> bytes:
    """Add (sign 1) or remove (sign -1) one item: 64 little-endian 16-bit sums. The order of items does not matter."""
    terms = struct.unpack("<64H", hkdf(item, HASH_LENGTH, info=b"WhatsApp Patch Integrity"))
    sums = zip(struct.unpack("<64H", base), terms, strict=True)
    return struct.pack("<64H", *((total + sign * term) & 0xFFFF for total, term in sums))


@dataclass
class AppStateCollection:
    """One named collection: version, running hash, the patches so far and the MAC of each value by index."""

    version: int = 0
    hash: bytes = bytes(HASH_LENGTH)
    patches: list[bytes] = field(default_factory=list)
    value_macs: dict[bytes, bytes] = field(default_factory=dict)


@dataclass
class AppState:
    """All collections of an account under one key."""

    key_id: bytes = field(default_factory=lambda: os.urandom(6))
    key: bytes = field(default_factory=lambda: os.urandom(32))
    collections: dict[str, AppStateCollection] = field(default_factory=dict)

    def _key(self, number: int) -> bytes:
        """Index, value encryption, value MAC, snapshot MAC and patch MAC keys, in this order."""
        return hkdf(self.key, 160, info=b"WhatsApp Mutation Keys")[32 * number : 32 * number + 32]

    def set(self, name: str, index: list[str], value: Any, version: int = 1) -> None:
        """Append a patch that sets one SyncActionValue."""
        collection = self.collections.setdefault(name, AppStateCollection())
        collection.version += 1
        raw_index = json.dumps(index, separators=(",", ":")).encode()
        value.timestamp = int(time.time() * 1000)
        action = SyncActionData(index=raw_index, value=value, padding=b"", version=version)
        content, value_mac = self._seal(action.SerializeToString())
        index_mac = hmac256(self._key(0), raw_index)
        if replaced := collection.value_macs.get(index_mac):
            collection.hash = lt_hash(collection.hash, replaced, -1)
        collection.hash = lt_hash(collection.hash, value_mac, 1)
        collection.value_macs[index_mac] = value_mac
        collection.patches.append(self._patch(name, collection, (index_mac, content, value_mac)))

    def since(self, name: str, version: int) -> list[bytes]:
        """Serialised patches after `version`."""
        return self.collections.get(name, AppStateCollection()).patches[version:]

    def _seal(self, plain: bytes) -> tuple[bytes, bytes]:
        iv = os.urandom(16)
        content = iv + cbc_encrypt(self._key(1), iv, plain)
        signed = b"\x01" + self.key_id + content + struct.pack(">Q", len(self.key_id) + 1)
        return content, hmac.digest(self._key(2), signed, hashlib.sha512)[:32]

    def _patch(self, name: str, collection: AppStateCollection, mutation: tuple[bytes, bytes, bytes]) -> bytes:
        index_mac, content, value_mac = mutation
        version = struct.pack(">Q", collection.version)
        snapshot_mac = hmac256(self._key(3), collection.hash + version + name.encode())
        patch = SyncdPatch(snapshotMAC=snapshot_mac)
        patch.version.version = collection.version
        patch.keyID.ID = self.key_id
        entry = patch.mutations.add()
        entry.operation = 0
        entry.record.index.blob, entry.record.value.blob = index_mac, content + value_mac
        entry.record.keyID.ID = self.key_id
        patch.patchMAC = hmac256(self._key(4), snapshot_mac + value_mac + version + name.encode())
        return bytes(patch.SerializeToString())
