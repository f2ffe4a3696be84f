"""Values that programs trip over, as they stand in JSON and in addresses."""

import json
import urllib.parse

DEEP = 100_000
ODD_TEXTS = (
    "", " ", "\x00", "a\x00b", "\u2028", "\ufeff", "x" * 300, "x" * 5_000, "../../etc/passwd", "$ne", "{}", "null",
    "9" * 400, "-1", "1e400", "NaN", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z",
    "2030-02-30T00:00:00Z", "\U0001f600", "%", "\r\nX-Injected: 1",
)  # fmt: skip
ODD_JSON = (
    *(json.dumps(text) for text in ODD_TEXTS),
    '"\\ud800"', '"a\\udfffb"', '["\\ud800"]', '{"\\ud800": 1}', "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900,
    "9" * 5_000, str(1 << 64), "-1", "0", "1.5", "1e400", "-1e400", "NaN", "Infinity", "true", "null", "[]", "{}",
    '[null, 1, "x", [], {}]', '{"$gt": ""}', '{"a": 1, "a": 2}',
)  # fmt: skip
"""Texts of JSON, not all of them valid."""
ODD_BODIES = (
    b"", b" ", b"{", b"\x00", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"[" * DEEP, b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"null", b"[]", b"1", b'"x"', b'"\\ud800"', b'{"\\ud800": 1}',
    b'{"a": 1, "a": 2}', b"NaN", b"{" + b'"a":1,' * 10_000 + b'"b":1}', b"\xc3\x28",
)  # fmt: skip
ODD_SEGMENTS = (
    *(urllib.parse.quote(text, safe="") for text in ODD_TEXTS if text not in ("", "../../etc/passwd")),
    "%", "%zz", "%00", "%ff", "%ed%a0%80", "%c0%ae%c0%ae", "..%2f..%2fetc", "a" * 3_000, "%e2%80%a8", "+", "*",
)  # fmt: skip
"""Parts of an address, escaped or wrongly so."""
