"""Loaded by schemathesis: what the formats of our OpenAPI document mean, and keys that are not used twice.

Run with SCHEMATHESIS_HOOKS=tests/security/schemathesis_hooks.py.
"""

import itertools
from typing import Any

import schemathesis
from hypothesis import strategies as st

_NUMBERS = ["4915112345678", "+49 151 1234 5679", "5511999887766", "4915112345670@s.whatsapp.net"]
_ZONES = ["Europe/Berlin", "America/Sao_Paulo", "UTC"]
_used = itertools.count()

schemathesis.openapi.format("phone", st.sampled_from(_NUMBERS))
schemathesis.openapi.format("time-zone", st.sampled_from(_ZONES))
schemathesis.openapi.format("words", st.sampled_from(["booking", "São Paulo", "стол"]))


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Whether an Idempotency-Key was used before is no question of form: each good one is used once."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 255 and key.isascii():
        case.headers["Idempotency-Key"] = f"{next(_used):0{len(key)}d}"
