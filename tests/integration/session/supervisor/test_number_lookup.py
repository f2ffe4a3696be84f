"""Numbers other services ask about: answered by the node that holds the account."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from services.session.ipc.messages import LookUpNumber, NumberLookupResult, ToWorker
from services.session.supervisor import number_lookup
from services.session.supervisor.number_lookup import NumberLookupService
from services.session.supervisor.number_queries import LIMITS, number_endpoints
from shared.contracts.errors import Problem
from shared.contracts.events import ConnectionChanged
from shared.contracts.queries import NumberOwner, ResolveNumber
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.rpc_client import rpc_request
from shared.messaging.rpc_server import rpc_server
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed
from tests.subscriptions import subscribed

THERE, NOBODY, UNREACHABLE, SILENT = "5547999887766", "5547999887404", "5547999887500", "5547999887408"
ZE = NumberOwner(phone="554799887766", lid="333")


def knowing(worker: FakeWorker, frame: ToWorker) -> None:
    """Every number has an account, except that one cannot be looked up, one has none, and one gets no reply."""
    if not isinstance(frame, LookUpNumber):
        obedient(worker, frame)
    elif frame.phone_number.endswith("408"):
        return
    elif frame.phone_number.endswith("500"):
        worker.say(NumberLookupResult(instance_id=frame.instance_id, call_id=frame.call_id, error="timed out"))
    elif not frame.phone_number.endswith("404"):
        worker.say(
            NumberLookupResult(instance_id=frame.instance_id, call_id=frame.call_id, phone="554799887766", lid="333")
        )
    else:
        worker.say(NumberLookupResult(instance_id=frame.instance_id, call_id=frame.call_id))


def query(bench: NodeTestBed, number: str, **more: str) -> ResolveNumber:
    given = {"organization_id": bench.organization, "instance_id": INSTANCE, "number": number}
    return ResolveNumber.model_validate(given | more)


@pytest.fixture
async def numbers(bench: NodeTestBed) -> AsyncIterator[NumberLookupService]:
    """Of the node, which answers on NATS too; its account is connected."""
    bench.workers.script = knowing
    await bench.connected()
    await bench.event(ConnectionChanged, status=S.CONNECTED)  # the node told it, so it knows it
    assert bench.node
    async with rpc_server(bench.client, number_endpoints(bench.node.number_lookup), limits=LIMITS):
        await subscribed(bench.client)
        yield bench.node.number_lookup


def asked(bench: NodeTestBed) -> list[str]:
    return [frame.phone_number for frame in bench.workers.last.told if isinstance(frame, LookUpNumber)]


async def test_an_answer_is_remembered_and_nobody_is_looked_up_again(
    bench: NodeTestBed, numbers: NumberLookupService
) -> None:
    found = [await numbers.look_up(query(bench, number)) for number in (THERE, THERE, NOBODY, NOBODY)]
    assert found == [ZE, ZE, NumberOwner(), NumberOwner()]
    assert asked(bench) == [THERE, NOBODY, NOBODY]


async def test_the_node_answers_on_nats_about_its_accounts_only(
    bench: NodeTestBed, numbers: NumberLookupService
) -> None:
    answer = await rpc_request(bench.client, query(bench, THERE))
    assert answer == {"success": True, "data": ZE.model_dump()}
    with pytest.raises(Problem) as silence:
        await rpc_request(bench.client, query(bench, THERE, instance_id="elsewhere"), timeout=0.3)
    assert silence.value.code == "no_answer"


@pytest.mark.parametrize(
    ("number", "more", "code"),
    [
        (UNREACHABLE, {}, "number_not_asked"),
        (THERE, {"organization_id": "another"}, "no_answer"),
    ],
)
async def test_what_cannot_be_answered_is_said(
    bench: NodeTestBed, numbers: NumberLookupService, number: str, more: dict[str, str], code: str
) -> None:
    with pytest.raises(Problem) as refused:
        await rpc_request(bench.client, query(bench, number, **more), timeout=2)
    assert refused.value.code == code


async def test_a_question_that_is_none_is_refused(bench: NodeTestBed, numbers: NumberLookupService) -> None:
    address = ResolveNumber.subject_filter(bench.organization, INSTANCE)
    answer = json.loads((await bench.client.request(address, b'{"number": "+1"}', timeout=5)).data)
    assert (answer["success"], answer["code"]) == (False, "validation_failed")


async def test_an_account_that_is_not_connected_asks_nobody(bench: NodeTestBed, numbers: NumberLookupService) -> None:
    await bench.disconnect()
    await bench.status(S.DISCONNECTED)
    with pytest.raises(Problem) as refused:
        await numbers.look_up(query(bench, THERE))
    assert (refused.value.status, refused.value.code) == (409, "instance_not_connected")


async def test_a_worker_that_dies_fails_its_pending_lookups_at_once(
    bench: NodeTestBed, numbers: NumberLookupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(number_lookup, "LOOKUP_TIMEOUT_S", 60.0)
    pending = [asyncio.create_task(numbers.look_up(query(bench, number))) for number in (SILENT, SILENT)]
    async with asyncio.timeout(10):
        while asked(bench) != [SILENT, SILENT]:
            await asyncio.sleep(0.01)
        bench.workers.last.die()
        await asyncio.wait(pending)
    for lookup in pending:
        failed = lookup.exception()
        assert isinstance(failed, Problem)
        assert (failed.status, failed.code) == (503, "number_not_asked")


async def test_a_question_that_fails_in_our_code_is_answered(
    bench: NodeTestBed, numbers: NumberLookupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> NumberOwner:
        raise KeyError("thrown on purpose")

    monkeypatch.setattr(numbers, "look_up", broken)
    answer = await bench.client.request(
        query(bench, THERE).full_subject, query(bench, THERE).model_dump_json().encode(), 10
    )
    told = json.loads(answer.data)
    assert (told["status"], told["code"]) == (500, "internal_error")
