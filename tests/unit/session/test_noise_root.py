"""The pinned root key of the library is replaced, and nothing else in its memory."""

import ctypes
from pathlib import Path

import pytest

from services.session.worker.library import noise_root
from services.session.worker.library.noise_root import PINNED_NOISE_ROOT, trust_noise_root


def _memory(monkeypatch: pytest.MonkeyPatch, content: bytes) -> "ctypes.Array[ctypes.c_char]":
    memory = ctypes.create_string_buffer(content, len(content))
    low = ctypes.addressof(memory)
    monkeypatch.setattr(noise_root, "_writable_areas", lambda _: [(low, low + len(content))])
    return memory


def test_the_pinned_key_is_replaced_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = _memory(monkeypatch, b"before" + PINNED_NOISE_ROOT + b"behind")
    trust_noise_root(b"n" * 32)
    assert memory.raw == b"before" + b"n" * 32 + b"behind"


@pytest.mark.parametrize("content", [b"nothing here", PINNED_NOISE_ROOT * 2])
def test_nothing_is_touched_unless_the_key_is_there_once(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    memory = _memory(monkeypatch, content)
    with pytest.raises(RuntimeError, match="expected once"):
        trust_noise_root(b"n" * 32)
    assert memory.raw == content


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(RuntimeError, match="32 bytes"):
        trust_noise_root(b"short")


def test_only_writable_memory_is_searched() -> None:
    executable = Path("/proc/self/exe").resolve().name
    for low, high in noise_root._writable_areas(executable):
        assert high > low
