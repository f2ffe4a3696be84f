"""Pending calls end with their reply, with the process, or with their time; nothing of them is left."""

import asyncio

import pytest

from services.session.ipc.messages import Frame, LookUpNumber, NumberLookupResult
from services.session.supervisor.worker_calls import WorkerCalls, WorkerLost

ONE, OTHER = (LookUpNumber(instance_id="sales", phone_number=number) for number in ("4915", "4916"))


def reply_to(request: LookUpNumber) -> NumberLookupResult:
    return NumberLookupResult(instance_id="sales", call_id=request.call_id, phone=request.phone_number)


def ignore(_: Frame) -> None:
    pass


async def test_a_reply_resolves_the_call_with_its_id() -> None:
    calls, sent = WorkerCalls(), list[Frame]()
    one, other = (calls.call("w", request, sent.append, 5) for request in (ONE, OTHER))
    assert sent == [ONE, OTHER]
    calls.resolve(reply_to(OTHER))
    calls.resolve(reply_to(OTHER))
    assert await other == reply_to(OTHER)
    assert not one.done()
    calls.resolve(reply_to(ONE))
    assert await one == reply_to(ONE)
    assert len(calls) == 0


async def test_a_process_that_ends_fails_its_own_calls_only() -> None:
    calls = WorkerCalls()
    one, other = calls.call("w1", ONE, ignore, 5), calls.call("w2", OTHER, ignore, 5)
    calls.fail_process("w1")
    with pytest.raises(WorkerLost):
        await one
    assert not other.done()
    calls.resolve(reply_to(OTHER))
    assert await other == reply_to(OTHER)


async def test_a_call_without_a_reply_times_out_and_a_late_reply_changes_nothing() -> None:
    calls = WorkerCalls()
    with pytest.raises(TimeoutError):
        await calls.call("w", ONE, ignore, 0.01)
    calls.resolve(reply_to(ONE))
    assert len(calls) == 0


async def test_a_caller_that_is_cancelled_leaves_no_pending_call() -> None:
    calls = WorkerCalls()

    async def ask() -> None:
        await calls.call("w", ONE, ignore, 5)

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    assert len(calls) == 1
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert len(calls) == 0


async def test_what_could_not_be_sent_is_not_pending() -> None:
    def refuse(_: Frame) -> None:
        raise ValueError("too large")

    calls = WorkerCalls()
    with pytest.raises(ValueError, match="too large"):
        calls.call("w", ONE, refuse, 5)
    assert len(calls) == 0
