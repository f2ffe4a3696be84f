"""Number lookups of other services: replied to by the node that owns the instance."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from services.session.ipc.messages import LookUpNumber, NumberLookupResult, ToWorker
from services.session.supervisor import number_lookup
from services.session.supervisor.number_lookup import NumberLookupService
from services.session.supervisor.number_queries import NUMBER_QUERY_LIMITS, number_endpoints
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


def reply_to_lookups(worker: FakeWorker, frame: ToWorker) -> None:
    """Every number has an account, except that one cannot be looked up, one has none, and one gets no reply."""
    if not isinstance(frame, LookUpNumber):
        obedient(worker, frame)
    elif frame.phone_number.endswith("408"):
        return
    elif frame.phone_number.endswith("500"):
        worker.send(NumberLookupResult(instance_id=frame.instance_id, call_id=frame.call_id, error="timed out"))
    elif not frame.phone_number.endswith("404"):
        worker.send(
            NumberLookupResult(instance_id=frame.instance_id, call_id=frame.call_id, phone="554799887766", lid="333")
        )
    else:
        worker.send(NumberLookupResult(instance_id=frame.instance_id, call_id=frame.call_id))


def query(testbed: NodeTestBed, number: str, **more: str) -> ResolveNumber:
    given = {"organization_id": testbed.organization, "instance_id": INSTANCE, "number": number}
    return ResolveNumber.model_validate(given | more)


@pytest.fixture
async def numbers(testbed: NodeTestBed) -> AsyncIterator[NumberLookupService]:
    """Of the node, which replies on NATS too; its instance is connected."""
    testbed.workers.script = reply_to_lookups
    await testbed.connected()
    await testbed.event(ConnectionChanged, status=S.CONNECTED)  # published after it is set in memory
    assert testbed.node
    async with rpc_server(testbed.client, number_endpoints(testbed.node.number_lookup), limits=NUMBER_QUERY_LIMITS):
        await subscribed(testbed.client)
        yield testbed.node.number_lookup


def looked_up(testbed: NodeTestBed) -> list[str]:
    return [frame.phone_number for frame in testbed.workers.last.frames if isinstance(frame, LookUpNumber)]


async def test_an_owner_is_cached_and_a_number_without_an_account_is_not(
    testbed: NodeTestBed, numbers: NumberLookupService
) -> None:
    owners = [await numbers.look_up(query(testbed, number)) for number in (THERE, THERE, NOBODY, NOBODY)]
    assert owners == [ZE, ZE, NumberOwner(), NumberOwner()]
    assert looked_up(testbed) == [THERE, NOBODY, NOBODY]


async def test_the_node_replies_on_nats_about_its_own_instances_only(
    testbed: NodeTestBed, numbers: NumberLookupService
) -> None:
    answer = await rpc_request(testbed.client, query(testbed, THERE))
    assert answer == {"success": True, "data": ZE.model_dump()}
    with pytest.raises(Problem) as silence:
        await rpc_request(testbed.client, query(testbed, THERE, instance_id="elsewhere"), timeout=0.3)
    assert silence.value.code == "no_answer"


@pytest.mark.parametrize(
    ("number", "more", "code"),
    [
        (UNREACHABLE, {}, "number_not_asked"),
        (THERE, {"organization_id": "another"}, "no_answer"),
    ],
)
async def test_a_lookup_that_fails_is_refused(
    testbed: NodeTestBed, numbers: NumberLookupService, number: str, more: dict[str, str], code: str
) -> None:
    with pytest.raises(Problem) as refused:
        await rpc_request(testbed.client, query(testbed, number, **more), timeout=2)
    assert refused.value.code == code


async def test_an_invalid_query_is_refused(testbed: NodeTestBed, numbers: NumberLookupService) -> None:
    address = ResolveNumber.subject_filter(testbed.organization, INSTANCE)
    answer = json.loads((await testbed.client.request(address, b'{"number": "+1"}', timeout=5)).data)
    assert (answer["success"], answer["code"]) == (False, "validation_failed")


async def test_an_instance_that_is_not_connected_looks_up_nothing(
    testbed: NodeTestBed, numbers: NumberLookupService
) -> None:
    await testbed.disconnect()
    await testbed.status(S.DISCONNECTED)
    with pytest.raises(Problem) as refused:
        await numbers.look_up(query(testbed, THERE))
    assert (refused.value.status, refused.value.code) == (409, "instance_not_connected")


async def test_a_worker_that_dies_fails_its_pending_lookups_at_once(
    testbed: NodeTestBed, numbers: NumberLookupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(number_lookup, "LOOKUP_TIMEOUT_S", 60.0)
    pending = [asyncio.create_task(numbers.look_up(query(testbed, number))) for number in (SILENT, SILENT)]
    async with asyncio.timeout(10):
        while looked_up(testbed) != [SILENT, SILENT]:
            await asyncio.sleep(0.01)
        testbed.workers.last.die()
        await asyncio.wait(pending)
    for lookup in pending:
        failed = lookup.exception()
        assert isinstance(failed, Problem)
        assert (failed.status, failed.code) == (503, "number_not_asked")


async def test_a_query_that_fails_by_a_bug_is_replied_to(
    testbed: NodeTestBed, numbers: NumberLookupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> NumberOwner:
        raise KeyError("thrown on purpose")

    monkeypatch.setattr(numbers, "look_up", broken)
    answer = await testbed.client.request(
        query(testbed, THERE).full_subject, query(testbed, THERE).model_dump_json().encode(), 10
    )
    reply = json.loads(answer.data)
    assert (reply["status"], reply["code"]) == (500, "internal_error")
