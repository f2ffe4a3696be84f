"""The control interface over HTTP: shapes, errors, load."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.app import Simulator
from simulator.client import SimulatorClient, SimulatorError, contact_writes, scan, set_faults


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path, seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient(simulator.control_url) as client:
        yield client


async def _refused(client: SimulatorClient, path: str, **body: object) -> SimulatorError:
    with pytest.raises(SimulatorError) as caught:
        await client.post(path, **body)
    return caught.value


async def test_the_network_has_its_addresses_and_its_trust_anchors(
    simulator: Simulator, client: SimulatorClient
) -> None:
    network = await client.get("/network")
    assert network["proxy"] == simulator.world.proxy_url
    assert await asyncio.to_thread(Path(network["ca"]).read_bytes) != b""
    assert len(bytes.fromhex(network["noise_root"])) == 32
    assert await client.get("/health") == {"status": "ok"}


async def test_phones_and_contacts_are_made_shown_and_changed(client: SimulatorClient) -> None:
    phone = await client.post("/phones", number="4915112345678", name="Anna")
    assert (phone["number"], phone["devices"], phone["code_requested"]) == ("4915112345678", [], False)
    assert await client.get("/phones/4915112345678") == phone
    contact = await client.post("/contacts", addressing="pn", auto_receipts=["read"])
    assert (contact["addressing"], contact["auto_receipts"]) == ("pn", ["read"])
    drawn = await client.get(f"/contacts/{contact['number']}")
    assert drawn == contact


async def test_errors_say_what_was_wrong_and_what_to_do(client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    taken = await _refused(client, "/contacts", number="4915112345678")
    unknown = await _refused(client, "/contacts/491/write", to="4915112345678", text="x")
    wrong = await _refused(client, "/phones", number="+49 151")
    extra = await _refused(client, "/phones", nummer="49")
    early = await _refused(client, "/phones/4915112345678/enter-code", code="ABCD-EFGH")
    offline = await _refused(client, "/phones/4915112345678/stream-error", code=503)
    assert [error.status for error in (taken, unknown, wrong, extra, early, offline)] == [409, 404, 422, 422, 409, 409]
    assert "make it with POST /contacts" in unknown.detail
    assert "request one there first" in early.detail
    with pytest.raises(SimulatorError, match="not a WhatsApp QR text"):
        await client.call(scan("4915112345678", "nonsense"))


async def test_faults_are_set_per_account_and_removed(client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    set_to = await client.call(set_faults("4915112345678", fail_login={"reason": 402, "code": 101}, message_error=463))
    assert (set_to["fail_login"], set_to["message_error"]) == ({"reason": "402", "code": "101"}, 463)
    assert await client.get("/phones/4915112345678/faults") == set_to
    back = await client.call(set_faults("4915112345678"))
    assert (back["fail_login"], back["message_error"], back["answer_pings"]) == (None, None, True)
    assert (await client.put("/faults", refuse_connections=True))["refuse_connections"] is True


async def test_the_inbox_waits_for_the_first_message(client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678", name="Anna")
    number = (await client.post("/contacts"))["number"]
    waiting = asyncio.create_task(client.get(f"/contacts/{number}/inbox?after=0&wait=10", wait=10))
    written = await client.post("/phones/4915112345678/write", to=number, text="hello")
    (message,) = (await waiting)["messages"]
    assert (message["id"], message["from"], message["text"]) == (written["id"], "4915112345678", "hello")
    with pytest.raises(SimulatorError, match="after must be a number"):
        await client.get(f"/contacts/{number}/inbox?after=x")


async def test_a_load_run_writes_all_its_messages_in_order(simulator: Simulator, client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    contacts = [(await client.post("/contacts"))["number"] for _ in range(2)]
    await client.post("/load", to="4915112345678", contacts=contacts, rate=200, count=40)
    second = await _refused(client, "/load", to="4915112345678", contacts=contacts, rate=1, count=1)
    assert second.status == 409
    got = await simulator.world.phones["4915112345678"].inbox.after(39, wait=10)
    progress = await client.get("/load?ids=1")
    assert got[0]["id"] == progress["ids"][39]
    assert progress["sent"] == len(set(progress["ids"])) == 40


async def test_a_load_run_writes_to_several_phones_in_turn(simulator: Simulator, client: SimulatorClient) -> None:
    numbers = ["4915112345678", "4915112345679"]
    for number in numbers:
        await client.post("/phones", number=number)
    contacts = [(await client.post("/contacts"))["number"] for _ in range(2)]
    await client.post("/load", to=numbers, contacts=contacts, rate=200, count=8)
    inboxes = [await simulator.world.phones[number].inbox.after(3, wait=10) for number in numbers]
    ids = (await client.get("/load?ids=1"))["ids"]
    assert [messages[0]["id"] for messages in inboxes] == ids[6:]
    for number in numbers:
        received = await simulator.world.phones[number].inbox.after(0, wait=10)
        assert [message["from"] for message in received] == contacts * 2
    assert (await _refused(client, "/load", to=[], contacts=contacts, rate=1, count=1)).status == 422


async def test_files_reach_the_phone_and_broken_ones_are_refused(client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    path = f"/contacts/{(await client.post('/contacts'))['number']}/write-media"
    file = {"to": "4915112345678", "kind": "document", "mime_type": "text/plain", "caption": "read this"}
    await client.post(path, data_base64="aGVsbG8=", **file)
    (message,) = (await client.get("/phones/4915112345678/inbox"))["messages"]
    assert (message["kind"], message["text"], message["media"]["size"]) == ("document", "read this", 5)
    assert (await _refused(client, path, data_base64="***", **file)).status == 422


async def test_the_demo_writes_to_the_phone(simulator: Simulator, client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    await client.post("/demo", number="4915112345678")
    first = (await simulator.world.phones["4915112345678"].inbox.after(0, wait=20))[0]
    await client.post("/phones/4915112345678/write", to=first["from"], text="Yes")
    await simulator.world.phones["4915112345678"].inbox.after(1, wait=20)
    steps = (await client.get("/demo"))["steps"]
    assert [step["what"] for step in steps if step["contact"] == first["from"]] == ["wrote", "read", "wrote"]


async def test_replies_reactions_edits_and_revokes_reach_the_phone(client: SimulatorClient) -> None:
    phone, contact = await client.post("/phones"), await client.post("/contacts")
    base, to = f"/contacts/{contact['number']}", phone["number"]
    first = (await client.post(f"{base}/write", to=to, text="hello"))["id"]
    for about in ("answer", "react", "edit", "revoke"):
        assert (await client.post(f"{base}/{about}", to=to, id=first, text="words"))["id"] != first
    inbox = (await client.get(f"/phones/{to}/inbox"))["messages"]
    assert [item["kind"] for item in inbox] == ["text", "text", "reaction", "editedMessage", "protocolMessage"]
    own = (await client.post(f"/phones/{to}/write", to=contact["number"], text="at nine"))["id"]
    for about in ("edit", "revoke"):
        await client.post(f"/phones/{to}/{about}", to=contact["number"], id=own, text="at ten")
    for kind in ("undecryptable", "unavailable"):
        assert (await client.post(f"{base}/write-unreadable", to=to, kind=kind))["id"]


async def test_a_group_accepts_texts_of_its_members_only(client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    member, stranger = [(await client.post("/contacts"))["number"] for _ in range(2)]
    group = await client.post("/groups", subject="Us", members=[member, "4915112345678"])
    await client.post(f"/groups/{group['id']}/write", **{"from": member, "text": "hello"})
    refused = await _refused(client, f"/groups/{group['id']}/write", **{"from": stranger, "text": "x"})
    assert refused.status == 409
    inbox = await client.get("/phones/4915112345678/inbox")
    assert [(item["text"], item["chat"]) for item in inbox["messages"]] == [("hello", group["jid"])]


async def test_any_stanza_and_any_type_of_receipt_can_be_sent(client: SimulatorClient) -> None:
    await client.post("/phones", number="4915112345678")
    number = (await client.post("/contacts"))["number"]
    path = "/phones/4915112345678/stanza"
    receipt = {"from": "77@lid", "id": "A", "type": "of_tomorrow", "t": 1}
    lists = [{"tag": "list", "children": [{"tag": "item", "attributes": {"id": "B"}}]}]
    assert await client.post(path, tag="receipt", attributes=receipt, children=lists) == {"devices": []}
    assert (await _refused(client, path, tag="<receipt>")).status == 422
    await client.post(f"/contacts/{number}/receipts", to="4915112345678", ids=["A"], kind="server-error")
    await client.post(f"/contacts/{number}/typing", to="4915112345678", state="composing", media="video")


async def test_every_route_is_documented(simulator: Simulator, client: SimulatorClient) -> None:
    document = await client.get("/openapi.json")
    assert "requestBody" in document["paths"]["/phones/{number}/scan"]["post"]
    await client.post("/phones", number="4915112345678")
    number = (await client.post("/contacts"))["number"]
    written = await client.call(contact_writes(number, "4915112345678", "hi"))
    assert written["sent_at"] > 0
    assert (await client.get("/statistics"))["accounts"]["4915112345678"]["pending"] == 0


async def test_contacts_send_any_message_call_and_use_lists_and_mistakes_are_named(client: SimulatorClient) -> None:
    phone, bob = await client.post("/phones"), await client.post("/contacts")
    number, mine = phone["number"], f"/contacts/{bob['number']}"
    await client.post(f"{mine}/write-message", to=number, message={"eventMessage": {"name": "Festa"}}, t=0)
    await client.post(f"{mine}/write-message", to=number, payload_base64="CgNhYv8=", through_list=True)
    assert len((await client.post(f"{mine}/call", to=number, video=True))["id"]) > 8
    written = await client.post(f"/phones/{number}/write-list", to=[bob["number"]], text="Oi")
    (got,) = (await client.get(f"{mine}/inbox", wait=5))["messages"]
    assert (got["id"], got["text"]) == (written["id"], "Oi")
    first, second = (await client.get(f"/phones/{number}/inbox", wait=5))["messages"]
    assert (first["kind"], second["text"]) == ("eventMessage", "ab\ufffd")
    assert "either message or payload_base64" in (await _refused(client, f"{mine}/write-message", to=number)).detail
    for wrong in ({"payload_base64": "?"}, {"message": {"noSuchField": 1}}):
        assert (await _refused(client, f"{mine}/write-message", to=number, **wrong)).status == 422
    assert (await _refused(client, f"/phones/{number}/write-list", to=["4915112345"], text="Oi")).status == 404
    await client.post(f"{mine}/write-message", to=number, payload_base64="/////w==")
    assert (await client.get(f"/phones/{number}/inbox?after=2", wait=5))["messages"][0]["kind"] == "unreadable"
