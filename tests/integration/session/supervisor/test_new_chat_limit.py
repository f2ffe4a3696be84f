"""Error 463: the send fails with a sentence, the instance shows it for a while, and replies still go out."""

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
        worker.send(result_of_error(frame, "server returned error 463"))
    else:
        obedient(worker, frame)


async def restricted(testbed: NodeTestBed) -> None:
    testbed.workers.script = restricts_once
    await testbed.connected()
    await testbed.send(testbed.text("stranger"))
    await testbed.event(ConnectionChanged, reason=REASON)


async def test_the_failed_send_and_the_instance_name_the_restriction(testbed: NodeTestBed) -> None:
    await restricted(testbed)
    failed = await testbed.event(MessageFailed, message_id="stranger")
    assert failed.code == REASON
    assert "463" in failed.detail
    assert "never wrote" in failed.detail
    changes = await testbed.event(ConnectionChanged, reason=REASON)
    assert (changes.status, changes.previous) == (S.CONNECTED, S.CONNECTED)
    assert changes.detail
    await testbed.send(testbed.text("an answer"))
    await testbed.event(MessageSent, message_id="an answer")
    document = await testbed.document()
    assert (document["status"], document["reason"]) == ("connected", REASON)


async def test_a_restriction_is_published_once_and_shown_again_after_a_reconnect(testbed: NodeTestBed) -> None:
    await restricted(testbed)
    await testbed.send(testbed.text("stranger2"))
    testbed.workers.last.report(INSTANCE, "disconnected")
    lost = await testbed.event(ConnectionChanged, status=S.RECONNECTING)
    testbed.workers.last.report(INSTANCE, "connected")
    await testbed.event(ConnectionChanged, since=testbed.events.index(lost), status=S.CONNECTED, reason=REASON)
    changes = [event for event in testbed.events if isinstance(event, ConnectionChanged) and event.reason == REASON]
    assert len(changes) == 2


async def test_a_restriction_is_not_shown_any_more_when_no_send_was_refused_for_a_while(testbed: NodeTestBed) -> None:
    await testbed.connected()
    assert testbed.node
    node = testbed.node
    await NewChatLimit(node._supervisor, node._new_chat_limit._statuses, shown_s=0.05).on_send_refused(INSTANCE)
    shown = await testbed.event(ConnectionChanged, reason=REASON)
    await testbed.event(ConnectionChanged, since=testbed.events.index(shown), status=S.CONNECTED, reason=None)
    await testbed.document(reason=None)


async def test_a_result_for_an_unknown_instance_changes_nothing(testbed: NodeTestBed) -> None:
    await testbed.connected()
    testbed.workers.last.send(SendResult(instance_id="nobody", call_id="m", outcome="failed", code=REASON))
    await testbed.send(testbed.text("m1"))
    await testbed.event(MessageSent, message_id="m1")
    assert (await testbed.document())["reason"] is None
