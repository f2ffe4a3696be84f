"""Import, before forking, what every worker needs, except the native library: a Go runtime does not survive a fork.

Workers share these pages, which halves their memory.
"""

import gc
import importlib
import importlib.util
import sys
import types
from pathlib import Path

import pylibmagic  # noqa: F401  (the library's package imports libmagic; this carries it, so it comes first)

_PROTOBUF_MODULES = (
    "neonize.proto.Neonize_pb2",
    "neonize.proto.waMsgApplication.WAMsgApplication_pb2",
    "neonize.proto.waConsumerApplication.WAConsumerApplication_pb2",
)
_NEONIZE_DEPENDENCIES = (
    "magic",
    "PIL.Image",
    "requests",
    "httpx",
    "bs4",
    "segno",
    "phonenumbers",
    "tqdm",
    "linkpreview",
)
_OWN_MODULES = (
    "services.session.worker.mapping.event_mapping",
    "services.session.simulated_network",
    "services.session.worker.instance_thread",
    "concurrent.futures.thread",
)


def preload() -> None:
    """Everything above, then keep the garbage collector from touching it."""
    preload_protobufs()
    for name in (*_NEONIZE_DEPENDENCIES, *_OWN_MODULES):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def preload_protobufs() -> None:
    """Only the message classes: an empty stand-in keeps the package's `__init__` from loading the library.

    Raises ModuleNotFoundError when the package is not installed.
    """
    if "neonize" in sys.modules:
        return
    found = importlib.util.find_spec("neonize")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("neonize is not installed")
    package = types.ModuleType("neonize")
    package.__path__ = [str(Path(found.origin).parent)]
    sys.modules["neonize"] = package
    try:
        for name in _PROTOBUF_MODULES:
            importlib.import_module(name)
    finally:
        del sys.modules["neonize"]
