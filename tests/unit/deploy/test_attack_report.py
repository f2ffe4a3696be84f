"""The report of `bench attack`: its table, its JSON, and when a bound counts as exceeded."""

import json
import math
from collections import Counter
from dataclasses import replace

import pytest

from deploy.local.attack_load import AttackCounts, AttackPlan, address
from deploy.local.attack_report import ATTACKERS, MONITORED_PROCESSES, OPERATIONS, AttackReport, MemorySizes, Samples
from deploy.local.attack_socket import TEXT_OPCODE, frame_header

MB = 1_000_000


def phase(p99: float) -> dict[str, Samples]:
    return {operation: Samples([p99 / 2] * 98 + [p99] * 2) for operation in OPERATIONS}


def report(alone: float = 10.0, attacked: float = 20.0, realtime: int = 100 * MB) -> AttackReport:
    memory = dict.fromkeys(MONITORED_PROCESSES, MemorySizes(90 * MB, 90 * MB, 90 * MB))
    memory["realtime"] = MemorySizes(90 * MB, 90 * MB + realtime, 95 * MB)
    outcomes = {"logins": {"401": 20, "429": 280}}
    return AttackReport(phase(alone), phase(attacked), memory, outcomes, {"api": (0.1, 0.2), ATTACKERS: (0.0, 0.03)})


def test_exactly_twice_the_p99_and_100_mb_more_are_allowed() -> None:
    assert report().violations() == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_operation_above_twice_its_p99_is_named(operation: str) -> None:
    given = report()
    slow = replace(given, attacked=dict(given.attacked) | {operation: Samples([20.1] * 100)})
    assert slow.violations() == [f"{operation}: p99 ratio 2.0, allowed is 2"]


def test_one_byte_above_100_mb_is_named() -> None:
    assert [text.split(":")[0] for text in report(realtime=100 * MB + 1).violations()] == ["realtime"]


@pytest.mark.parametrize("phase_name", ["alone", "attacked"])
def test_one_failed_request_of_the_victim_exceeds_the_bound_however_fast_the_others_are(phase_name: str) -> None:
    given = report()
    failed = Samples([10.0] * 99, Counter({"HTTP 503": 1}))
    broken = replace(given, **{phase_name: dict(getattr(given, phase_name)) | {"login": failed}})
    assert [text for text in broken.violations() if "HTTP 503" in text]


def test_without_samples_the_bound_counts_as_exceeded() -> None:
    given = report()
    empty = replace(given, attacked=dict(given.attacked) | {"join": Samples()})
    assert [text for text in empty.violations() if text.startswith("join")]
    assert empty.as_json()["victim_ms"]["join"]["p99_ratio"] is None


def test_no_samples_have_no_percentile() -> None:
    assert math.isnan(Samples().percentile_ms(99))


def test_the_table_names_every_operation_process_and_attack() -> None:
    shown = "\n".join(report(attacked=30.0).lines())
    for text in (
        *OPERATIONS,
        *MONITORED_PROCESSES,
        "logins: 20 x 401, 280 x 429",
        "BOUND EXCEEDED: login: p99 ratio 3.0",
    ):
        assert text in shown


def test_the_json_names_the_exceeded_bounds() -> None:
    found = json.loads(json.dumps(report(attacked=30.0).as_json()))
    assert found["victim_ms"]["login"]["p99_ratio"] == 3.0
    assert found["victim_ms"]["join"]["alone"] == {"samples": 100, "p50": 5.0, "p99": 10.0, "failures": {}}
    assert found["memory_bytes"]["realtime"]["growth"] == 100 * MB
    assert found["processor_shares"]["api"] == {"alone": 0.1, "attacked": 0.2}
    assert len(found["violations"]) == len(OPERATIONS)


def test_an_attack_plan_survives_json() -> None:
    plan = AttackPlan(
        3000,
        3002,
        "a@example.org",
        "token",
        "org",
        "instance",
        "4915100000000",
        60.0,
        10.0,
        30.0,
        AttackCounts(sends=7),
    )
    assert AttackPlan.from_json(plan.to_json()) == plan


def test_attackers_have_other_addresses_than_the_victim() -> None:
    addresses = {address(number) for number in range(400)}
    assert len(addresses) == 200
    assert "127.0.0.1" not in addresses


@pytest.mark.parametrize(
    ("length", "size"), [(125, b"\xfd"), (126, b"\xfe\x00\x7e"), (65_536, b"\xff\x00\x00\x00\x00\x00\x01\x00\x00")]
)
def test_a_frame_header_has_the_length_and_a_zero_mask(length: int, size: bytes) -> None:
    assert frame_header(TEXT_OPCODE, length) == b"\x81" + size + bytes(4)
