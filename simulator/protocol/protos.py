"""Protobuf classes shipped inside the neonize wheel, imported without importing neonize.

Importing the `neonize` package would load the Go runtime into this process. The generated modules import each other as
top-level packages, so their folder on sys.path suffices. They carry no type information, hence `Any`.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any


def wheel_folder() -> Path:
    """Folder of the installed neonize package. Raises RuntimeError when it is not installed."""
    spec = importlib.util.find_spec("neonize")
    if spec is None or spec.origin is None:
        raise RuntimeError("the simulator reads its tables from the neonize wheel: install neonize first")
    return Path(spec.origin).parent


def _module(name: str) -> Any:
    folder = str(wheel_folder() / "proto")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


_adv = _module("waAdv.WAAdv_pb2")
_wa6 = _module("waWa6.WAWebProtobufsWa6_pb2")
_sync_action = _module("waSyncAction.WAWebProtobufSyncAction_pb2")

AdvDeviceIdentity: Any = _adv.ADVDeviceIdentity
AdvSignedDeviceIdentity: Any = _adv.ADVSignedDeviceIdentity
AdvSignedDeviceIdentityHmac: Any = _adv.ADVSignedDeviceIdentityHMAC
CertChain: Any = _module("waCert.WACert_pb2").CertChain
ClientPayload: Any = _wa6.ClientPayload
HandshakeMessage: Any = _wa6.HandshakeMessage
HistorySync: Any = _module("waHistorySync.WAWebProtobufsHistorySync_pb2").HistorySync
Message: Any = _module("waE2E.WAWebProtobufsE2E_pb2").Message
SyncActionData: Any = _sync_action.SyncActionData
SyncActionValue: Any = _sync_action.SyncActionValue
SyncdPatch: Any = _module("waServerSync.WAWebProtobufsServerSync_pb2").SyncdPatch
