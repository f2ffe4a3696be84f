"""Group commit, without a database."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.platform.mongo import BulkWriteError, DuplicateKeyError, OperationFailure, WriteConcernError
from shared.platform.operation_batcher import MAX_OPERATION_SIZE, OperationBatcher, write_results


class Recorder:
    """Doubles numbers, records which were in one operation, and waits while `gate` is not set."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate: asyncio.Event = asyncio.Event()
        self.gate.set()

    async def work(self, items: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(items))
        await self.gate.wait()
        return [ValueError("odd") if item % 2 else item * 2 for item in items]


async def test_a_single_call_runs_at_once_and_gets_its_result() -> None:
    recorder = Recorder()
    assert await OperationBatcher(recorder.work)(2) == 4
    assert recorder.groups == [[2]]


async def test_concurrent_calls_share_an_operation_and_each_gets_its_own_result() -> None:
    recorder = Recorder()
    batcher = OperationBatcher(recorder.work)
    assert await asyncio.gather(*(batcher(item) for item in (2, 4, 6))) == [4, 8, 12]
    assert recorder.groups == [[2, 4, 6]]


async def test_calls_made_while_an_operation_runs_share_the_next_one() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    batcher = OperationBatcher(recorder.work, concurrency=1)
    first = asyncio.create_task(batcher(2))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(batcher(item)) for item in (4, 6)]
    await asyncio.sleep(0.01)
    assert recorder.groups == [[2]]
    recorder.gate.set()
    assert await asyncio.gather(first, *later) == [4, 8, 12]
    assert recorder.groups == [[2], [4, 6]]


async def test_what_fails_for_one_is_raised_to_that_one_only() -> None:
    batcher = OperationBatcher(Recorder().work)
    answers = await asyncio.gather(batcher(1), batcher(2), return_exceptions=True)
    assert isinstance(answers[0], ValueError)
    assert answers[1] == 4


async def test_an_operation_that_fails_raises_for_all_and_the_next_one_works() -> None:
    away = True

    async def work(items: Sequence[int]) -> list[int]:
        if away:
            raise ConnectionError("away")
        return list(items)

    batcher = OperationBatcher(work)
    answers = await asyncio.gather(batcher(1), batcher(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError] * 2
    away = False
    assert await batcher(3) == 3


async def test_a_cancelled_caller_does_not_disturb_the_others() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    batcher = OperationBatcher(recorder.work)
    cancelled, other = (asyncio.create_task(batcher(item)) for item in (2, 4))
    await asyncio.sleep(0.01)
    cancelled.cancel()
    recorder.gate.set()
    assert await other == 8


async def test_many_calls_are_split_into_operations_of_limited_size() -> None:
    recorder = Recorder()
    await asyncio.gather(*map(OperationBatcher(recorder.work), [2] * (MAX_OPERATION_SIZE + 1)))
    assert [len(group) for group in recorder.groups] == [MAX_OPERATION_SIZE, 1]


async def bulk(details: dict[str, Any]) -> None:
    raise BulkWriteError(details)


async def test_a_bulk_write_says_what_became_of_each_item() -> None:
    errors: list[dict[str, object]] = [
        {"index": 0, "code": 11000, "errmsg": "again"},
        {"index": 2, "code": 2, "errmsg": "bad"},
    ]
    found = await write_results(bulk({"writeErrors": errors, "writeConcernErrors": []}), 3)
    assert [type(item) for item in found] == [DuplicateKeyError, type(None), OperationFailure]
    assert await write_results(asyncio.sleep(0), 2) == [None, None]


async def test_a_write_that_the_majority_may_not_have_is_unsure_for_all() -> None:
    unsure = {"writeErrors": [], "writeConcernErrors": [{"code": 64, "errmsg": "waiting for replication timed out"}]}
    with pytest.raises(WriteConcernError):
        await write_results(bulk(unsure), 2)


async def test_too_few_results_leave_no_caller_waiting() -> None:
    async def one_answer_too_few(items: Sequence[int]) -> list[int | Exception]:
        return list(items[1:])

    batcher: OperationBatcher[int, int] = OperationBatcher(one_answer_too_few)
    for _ in range(2):  # and its slot is free again
        answers = await asyncio.wait_for(asyncio.gather(batcher(1), batcher(2), return_exceptions=True), 10)
        assert any(isinstance(answer, RuntimeError) for answer in answers)
