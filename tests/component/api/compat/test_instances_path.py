"""Routes below /api/whatsapp/instances, request by request as in the WhatsApp integration documentation."""

from collections.abc import Iterable
from datetime import timedelta

from shared.contracts.commands import ConnectInstance, LogoutInstance, SendMessage
from shared.contracts.events import PairingCodeIssued
from shared.contracts.message import Event, utc_now
from shared.platform.mongo import Document
from tests.component.api.compat.script import of, sends, shows_qr
from tests.component.api.conftest import Api, Member

INSTANCES = "/api/whatsapp/instances"
NUMBER = "5511999887766"


async def main_whatsapp(member: Member) -> Document:
    body = {"organization_id": member.organization_id, "instance_name": "Main WhatsApp", "phone_number": NUMBER}
    answer = await member.http.post(INSTANCES, json=body)
    assert answer.status_code == 200, answer.text
    found: Document = answer.json()
    return found


def issues_code(command: ConnectInstance) -> Iterable[Event]:
    until = utc_now() + timedelta(minutes=1)
    return [PairingCodeIssued(code="ABCD-1234", phone_number=NUMBER, expires_at=until, **of(command))]


async def test_create_instance(member: Member) -> None:
    found = await main_whatsapp(member)
    instance = found["instance"]
    assert found["success"] is True
    assert isinstance(instance["id"], str)
    assert isinstance(instance["created_at"], str)
    shown = ("organization_id", "instance_name", "phone_number", "status", "pairing_method")
    assert [instance[field] for field in shown] == [
        member.organization_id,
        "Main WhatsApp",
        NUMBER,
        "disconnected",
        "code",
    ]


async def test_create_instance_without_its_required_fields_is_a_400(member: Member) -> None:
    answer = await member.http.post(INSTANCES, json={"organization_id": member.organization_id})
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert "instance_name" in answer.json()["error"]


async def test_connect_with_a_pairing_code(api: Api, member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    async with api.playing(ConnectInstance, issues_code) as commands:
        body = {"phone_number": NUMBER, "method": "code"}
        found = (await member.http.post(f"{INSTANCES}/{instance}/connect", json=body)).json()
    assert {key: found[key] for key in ("success", "pairingCode", "method")} == {
        "success": True,
        "pairingCode": "ABCD1234",
        "method": "code",
    }
    assert (commands[0].method, commands[0].phone_number) == ("code", NUMBER)


async def test_connect_as_curl_sends_it_without_a_content_type(api: Api, member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    async with api.playing(ConnectInstance, issues_code):
        answer = await member.http.post(
            f"{INSTANCES}/{instance}/connect",
            content=f'{{"phone_number": "{NUMBER}", "method": "code"}}',
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert answer.json()["pairingCode"] == "ABCD1234"


async def test_connect_with_a_qr_code(api: Api, member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    async with api.playing(ConnectInstance, shows_qr):
        found = (await member.http.post(f"{INSTANCES}/{instance}/connect", json={"method": "qr"})).json()
    assert (found["success"], found["method"], isinstance(found["message"], str)) == (True, "qr", True)


async def test_status(api: Api, member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    never = await member.get(f"{INSTANCES}/{instance}/status")
    assert never["is_running"] is False
    fields = ("id", "status", "phone_number", "last_connected_at", "messages_sent_count", "messages_received_count")
    assert [never["instance"][field] for field in fields] == [instance, "disconnected", NUMBER, None, 0, 0]
    await api.connection(member, instance, last_connected_at=utc_now())
    now = await member.get(f"{INSTANCES}/{instance}/status")
    assert (now["is_running"], now["instance"]["status"]) == (True, "connected")
    assert isinstance(now["instance"]["last_connected_at"], str)


async def test_send(api: Api, member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    await api.connection(member, instance)
    async with api.playing(SendMessage, sends) as commands:
        for to in (NUMBER, f"{NUMBER}@s.whatsapp.net"):
            body = {"to": to, "message": "Hello from AuZap!"}
            answer = await member.http.post(f"{INSTANCES}/{instance}/send", json=body)
            assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert [(command.to, command.text) for command in commands] == [(NUMBER, "Hello from AuZap!")] * 2


async def test_send_without_its_required_fields_or_from_nowhere(member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    missing = await member.http.post(f"{INSTANCES}/{instance}/send", json={"to": NUMBER})
    nowhere = await member.http.post(f"{INSTANCES}/nowhere/send", json={"to": NUMBER, "message": "x"})
    assert (missing.status_code, nowhere.status_code) == (400, 404)


async def test_update_the_owners_number(member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    answer = await member.http.patch(f"{INSTANCES}/{instance}", json={"phone_number": "5511999887755"})
    assert (answer.status_code, answer.json()["instance"]["phone_number"]) == (200, "5511999887755")


async def test_delete(api: Api, member: Member) -> None:
    instance = (await main_whatsapp(member))["instance"]["id"]
    async with api.playing(LogoutInstance, lambda command: []) as commands:
        answer = await member.http.delete(f"{INSTANCES}/{instance}")
        gone = await member.http.get(f"{INSTANCES}/{instance}/status")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert ([command.delete for command in commands], gone.status_code) == ([True], 404)


async def test_contacts_listed_by_post(member: Member) -> None:
    answer = await member.http.post("/api/contacts", json={"organization_id": member.organization_id})
    assert (answer.status_code, answer.json()["success"], answer.json()["data"]) == (200, True, [])


async def test_health(api: Api) -> None:
    async with api.client() as http:
        found = (await http.get("/health")).json()
    assert (found["status"], isinstance(found["timestamp"], str)) == ("ok", True)
