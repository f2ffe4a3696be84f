"""Error 463: the sentence says what it is, the instance shows it while it lasts, and answers still go out."""

from services.session.ipc.messages import Send, SendResult, ToWorker
from services.session.supervisor.new_chat_limit import NewChatLimit
from services.session.worker.send_results import result_of_error
from shared.contracts.events import ConnectionChanged, MessageFailed, MessageSent
from shared.contracts.records import ConnectionStatus as S
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed

REASON = "new_chats_restricted"


def restricts_once(worker: FakeWorker, frame: ToWorker) -> None:
    if isinstance(frame, Send) and frame.call_id.startswith("stranger"):
        worker.say(result_of_error(frame, "server returned error 463"))
    else:
        obedient(worker, frame)


async def restricted(bench: NodeTestBed) -> None:
    bench.workers.script = restricts_once
    await bench.connected()
    await bench.send(bench.text("stranger"))
    await bench.event(ConnectionChanged, reason=REASON)


async def test_the_failure_and_the_instance_say_what_it_is(bench: NodeTestBed) -> None:
    await restricted(bench)
    failed = await bench.event(MessageFailed, message_id="stranger")
    assert failed.code == REASON
    assert "463" in failed.detail
    assert "never wrote" in failed.detail
    told = await bench.event(ConnectionChanged, reason=REASON)
    assert (told.status, told.previous) == (S.CONNECTED, S.CONNECTED)
    assert told.detail
    await bench.send(bench.text("an answer"))
    await bench.event(MessageSent, message_id="an answer")
    found = await bench.document()
    assert (found["status"], found["reason"]) == ("connected", REASON)


async def test_it_is_told_once_and_still_shown_after_a_reconnect(bench: NodeTestBed) -> None:
    await restricted(bench)
    await bench.send(bench.text("stranger2"))
    bench.workers.last.change(INSTANCE, "disconnected")
    lost = await bench.event(ConnectionChanged, status=S.RECONNECTING)
    bench.workers.last.change(INSTANCE, "connected")
    await bench.event(ConnectionChanged, since=bench.events.index(lost), status=S.CONNECTED, reason=REASON)
    told = [event for event in bench.events if isinstance(event, ConnectionChanged) and event.reason == REASON]
    assert len(told) == 2


async def test_it_is_no_longer_shown_when_nothing_was_refused_for_a_while(bench: NodeTestBed) -> None:
    await bench.connected()
    assert bench.node
    node = bench.node
    await NewChatLimit(node._supervisor, node._new_chat_limit._statuses, shown_s=0.05).on_send_refused(INSTANCE)
    shown = await bench.event(ConnectionChanged, reason=REASON)
    await bench.event(ConnectionChanged, since=bench.events.index(shown), status=S.CONNECTED, reason=None)
    await bench.document(reason=None)


async def test_a_worker_that_names_an_account_nobody_holds_changes_nothing(bench: NodeTestBed) -> None:
    await bench.connected()
    bench.workers.last.say(SendResult(instance_id="nobody", call_id="m", outcome="failed", code=REASON))
    await bench.send(bench.text("m1"))
    await bench.event(MessageSent, message_id="m1")
    assert (await bench.document())["reason"] is None
