"""Every simulated fault, as the real neonize reports it."""

from typing import Any

import pytest

from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.protocol.node import element
from simulator.server.accounts import Faults
from simulator.world import World
from tests.waiting import until

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def _drop(phone: SimulatedPhone, abrupt: bool = False) -> None:
    await phone.account.companions[1].connection.close(abrupt)


@pytest.mark.parametrize(
    ("failure", "event"),
    [
        ({"reason": "401", "location": "cln"}, "LoggedOut"),
        ({"reason": "403"}, "LoggedOut"),
        ({"reason": "402", "code": "101", "expire": "3600"}, "TemporaryBan"),
        ({"reason": "405"}, "ClientOutdated"),
        ({"reason": "400", "message": "bad"}, "ConnectFailure"),
    ],
)
async def test_a_refused_login_has_its_own_event(
    phone: SimulatedPhone, linked: Any, failure: dict[str, str], event: str
) -> None:
    phone.account.faults = Faults(fail_login=failure)
    await _drop(phone)
    await linked.event(event)


@pytest.mark.parametrize("abrupt", [False, True])
async def test_a_lost_connection_comes_back_by_itself(phone: SimulatedPhone, linked: Any, abrupt: bool) -> None:
    before = len(linked.events)
    await _drop(phone, abrupt)
    await linked.event("Connected", since=before)
    assert phone.account.companions[1].logins == 2


async def test_a_replaced_stream_ends_the_client(phone: SimulatedPhone, linked: Any) -> None:
    connection = phone.account.companions[1].connection
    connection.send(element("stream:error", None, element("conflict", {"type": "replaced"})))
    await linked.event("StreamReplaced")


async def test_a_stream_error_503_leads_to_a_new_connection(phone: SimulatedPhone, linked: Any) -> None:
    before, connection = len(linked.events), phone.account.companions[1].connection
    connection.send(element("stream:error", {"code": "503"}))
    await connection.close()
    await linked.event("Connected", since=before)


async def test_a_client_cannot_connect_while_connections_are_refused(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact()
    phone.account.faults = Faults(refuse_connections=True)
    await _drop(phone)
    await until(lambda: phone.account.companions[1].connection is None)
    message_id, _ = bob.write(phone.account, content.text("while refused"))
    phone.account.faults = Faults()
    assert (await linked.event("Message", id=message_id))["text"] == "while refused"


async def test_a_first_connection_that_is_refused_is_reported(world: World, start: Any) -> None:
    world.network.faults.refuse_connections = True
    neonize = await start()
    await neonize.event("connect_failed")


async def test_an_error_of_the_network_reaches_the_sender(world: World, phone: SimulatedPhone, linked: Any) -> None:
    bob = world.add_contact()
    phone.account.faults = Faults(message_error=463)
    with pytest.raises(RuntimeError, match="463"):
        await linked.call("send", to=bob.account.number, text="refused")
    phone.account.faults = Faults()
    await linked.call("send", to=bob.account.number, text="accepted")
    with pytest.raises(RuntimeError, match="no LID found"):
        await linked.call("send", to="4915199999999", text="nobody there")


async def test_a_media_host_that_fails_makes_the_upload_fail(world: World, phone: SimulatedPhone, linked: Any) -> None:
    bob = world.add_contact()
    phone.account.faults = Faults(media_fail_with=404)
    with pytest.raises(RuntimeError, match="404"):
        await linked.call("send_image", to=bob.account.number, data=PIXEL)


async def test_a_login_answered_with_503_is_retried(phone: SimulatedPhone, linked: Any) -> None:
    before, companion = len(linked.events), phone.account.companions[1]
    phone.account.faults = Faults(fail_login={"reason": "503"})
    await _drop(phone)
    await linked.event("Disconnected", since=before)
    phone.account.faults = Faults()
    await linked.event("Connected", since=before)
    assert companion.logins == 2


async def test_an_unknown_stream_error_is_reported(phone: SimulatedPhone, linked: Any) -> None:
    phone.account.companions[1].connection.send(element("stream:error", {"code": "599"}, element("strange")))
    await linked.event("StreamError")
