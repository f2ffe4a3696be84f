"""Imports before the fork what every worker needs, except the native library: a Go runtime does not survive a fork.

Workers share the memory pages of these modules, which halves what each needs.
"""

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

import pylibmagic  # noqa: F401  (contains the libmagic that neonize loads, so it is imported first)

from shared.platform.garbage_collection import collect_less_often

_PROTOBUF_MODULES = (
    "neonize.proto.Neonize_pb2",
    "neonize.proto.waMsgApplication.WAMsgApplication_pb2",
    "neonize.proto.waConsumerApplication.WAConsumerApplication_pb2",
)
_NEONIZE_DEPENDENCIES = ("magic", "PIL.Image", "segno", "phonenumbers")
_UNUSED_NEONIZE_DEPENDENCIES = MappingProxyType(
    {"httpx": (), "linkpreview": ("link_preview",), "requests": (), "tqdm": ("tqdm",)}
)
"""neonize downloads media and previews of links with them, which no worker does; with what they load they would be a
sixth of the zygote. The names are those that neonize takes out of the package when it is loaded."""
_OWN_MODULES = (
    "services.session.worker.mapping.event_mapping",
    "services.session.worker.library.noise_root",
    "services.session.worker.instance_thread",
    "concurrent.futures.thread",
)


def preload() -> None:
    """Import the modules above, then exempt them from garbage collection, which would copy their pages. The workers
    inherit this."""
    preload_protobufs()
    for package, names in _UNUSED_NEONIZE_DEPENDENCIES.items():
        _put_empty_module(package, names)
    for name in (*_NEONIZE_DEPENDENCIES, *_OWN_MODULES):
        importlib.import_module(name)
    collect_less_often()


def _put_empty_module(package: str, names: Iterable[str]) -> None:
    """An import of `package` finds a module without content, and these names in it are None."""
    module = types.ModuleType(package, "Not loaded: see services/session/worker/preload.py.")
    vars(module).update(dict.fromkeys(names))
    sys.modules[package] = module


def preload_protobufs() -> None:
    """Import only the protobuf classes: an empty package of the same name keeps neonize's `__init__`, which loads the
    library, from running.

    Raises ModuleNotFoundError when the package is not installed.
    """
    if "neonize" in sys.modules:
        return
    spec = importlib.util.find_spec("neonize")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("neonize is not installed")
    package = types.ModuleType("neonize")
    package.__path__ = [str(Path(spec.origin).parent)]
    sys.modules["neonize"] = package
    try:
        for name in _PROTOBUF_MODULES:
            importlib.import_module(name)
    finally:
        del sys.modules["neonize"]
