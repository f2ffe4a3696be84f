"""A user's primary phone (device 0 of its account): scans QR codes, takes pairing codes, signs companions."""

import asyncio
import base64
import binascii
import secrets
import time
import zlib
from dataclasses import dataclass
from typing import Any

from simulator.people.content import OutgoingContent, text
from simulator.people.inbox import ReceivedMessage
from simulator.people.person import SimulatedPerson, decode_content
from simulator.protocol import link_code
from simulator.protocol.curve import KeyPair, verify
from simulator.protocol.jid import SERVER
from simulator.protocol.kdf import hmac256
from simulator.protocol.node import Attributes, Node, element, leaf
from simulator.protocol.protos import (
    AdvDeviceIdentity,
    AdvSignedDeviceIdentity,
    AdvSignedDeviceIdentityHmac,
    HistorySync,
    Message,
    SyncActionValue,
)
from simulator.server.accounts import Companion, SimulatedAccount
from simulator.server.connection import ClientConnection
from simulator.server.login import LoginHandler
from simulator.server.network import IncomingStanza, NetworkState

ACCOUNT_PREFIX, DEVICE_PREFIX = b"\x06\x00", b"\x06\x01"
CODE_TIMEOUT_S = 20  # for the companion to finish the pairing after the code was typed


class WrongPhoneState(ValueError):
    """The phone cannot do this in its present state; the text says why."""


@dataclass
class CodeRequest:
    """A companion that waits until its pairing code is typed on this phone."""

    connection: ClientConnection
    ref: bytes
    hello: Node
    ephemeral: KeyPair
    companion_ephemeral: bytes = b""
    outcome: "asyncio.Future[Companion] | None" = None


class SimulatedPhone(SimulatedPerson):
    """While offline it neither links devices nor receives; missed messages arrive when it is online again."""

    def __init__(self, network: NetworkState, account: SimulatedAccount, login_handler: LoginHandler) -> None:
        super().__init__(network, account)
        self._login_handler = login_handler
        self._request: CodeRequest | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._missed: list[IncomingStanza] = []
        self.online = True

    # -- linking
    @property
    def code_requested(self) -> bool:
        return self._request is not None and self._request.connection in self.network.connections

    async def scan(self, code: str) -> Companion:
        """QR text: address#reference,noise key,identity,secret,client. Raises ValueError, WrongState."""
        self._require_online()
        parts = code.split("#", 1)[-1].split(",")
        try:
            ref, (noise, identity, secret) = parts[0], [base64.b64decode(part, validate=True) for part in parts[1:4]]
        except (ValueError, binascii.Error) as error:
            raise ValueError("this is not a WhatsApp QR text: expected reference and three base64 keys") from error
        connection = self.network.pairing_connection(ref)
        if connection is None:
            raise WrongPhoneState(
                "no device waits with this QR code: it has expired, was used, or is not of this network"
            )
        if connection.static != noise or connection.payload.devicePairingData.eIdent != identity:
            raise WrongPhoneState(
                "the keys in the QR code are not those of the device that waits: take the newest code"
            )
        return await self._link(connection, identity, secret)

    async def enter_code(self, code: str) -> Companion:
        """The user types the 8 characters. Raises WrongState, link_code.WrongCode."""
        self._require_online()
        request = self._request
        if request is None or not self.code_requested:
            raise WrongPhoneState("no device has asked for a code for this phone: request one there first")
        plain, wrapped = (
            code.replace("-", "").strip().upper(),
            request.hello.data("link_code_pairing_wrapped_companion_ephemeral_pub"),
        )
        request.companion_ephemeral = await asyncio.to_thread(link_code.unwrap, plain, wrapped)
        request.outcome = asyncio.get_running_loop().create_future()
        mine = await asyncio.to_thread(link_code.wrap, plain, request.ephemeral.public)
        children = [
            leaf("link_code_pairing_wrapped_primary_ephemeral_pub", mine),
            leaf("primary_identity_pub", self.account.device.identity.public),
            leaf("link_code_pairing_ref", request.ref),
        ]
        hello = element("link_code_companion_reg", {"stage": "primary_hello"}, *children)
        stanza_id = self.network.names.token(8)
        head: Attributes = {"from": SERVER, "type": "link_code_companion_reg", "id": stanza_id, "t": self.network.now()}
        request.connection.send(element("notification", head, hello))
        try:
            return await asyncio.wait_for(request.outcome, CODE_TIMEOUT_S)
        except TimeoutError as error:
            raise WrongPhoneState("the device did not finish the pairing: request a new code there") from error

    def on_link_code(self, connection: ClientConnection, node: Node) -> bytes:
        ref = f"code-{self.network.names.token()}".encode()
        self._request = CodeRequest(connection, ref, node, KeyPair.new())
        return ref

    def on_link_code_finish(self, connection: ClientConnection, node: Node) -> None:
        request = self._request
        if request is not None and request.connection is connection and request.outcome is not None:
            self._in_background(self._finish_code(request, request.outcome, node))

    async def _finish_code(self, request: CodeRequest, outcome: "asyncio.Future[Companion]", node: Node) -> None:
        mine = self.account.device.identity
        try:
            shared = request.ephemeral.agree(request.companion_ephemeral)
            bundle = link_code.open_bundle(node.data("link_code_pairing_wrapped_key_bundle"), shared)
            secret = link_code.adv_secret(shared, mine, bundle[0], bundle[2])
            companion = await self._link(request.connection, bundle[0], secret)
        except (ValueError, TimeoutError) as error:
            if not outcome.done():
                outcome.set_exception(error)
            return
        self._request = None
        if not outcome.done():
            outcome.set_result(companion)

    async def _link(self, connection: ClientConnection, identity: bytes, secret: bytes) -> Companion:
        mine = self.account.device.identity
        self.account.key_index += 1
        facts = {"rawID": secrets.randbits(31), "timestamp": self.network.now(), "keyIndex": self.account.key_index}
        details = AdvDeviceIdentity(**facts).SerializeToString()
        signature = mine.sign(ACCOUNT_PREFIX + details + identity)
        signed = AdvSignedDeviceIdentity(
            details=details, accountSignatureKey=mine.public, accountSignature=signature
        ).SerializeToString()
        box = AdvSignedDeviceIdentityHmac(details=signed, HMAC=hmac256(secret, signed)).SerializeToString()
        companion = await self._login_handler.link(connection, self.account, box)
        answer = AdvSignedDeviceIdentity.FromString(companion.signed_identity)
        if not verify(identity, DEVICE_PREFIX + details + identity + mine.public, answer.deviceSignature):
            self._login_handler.unlink(companion)
            raise ValueError("the device's signature of its identity is wrong")
        self._send_initial_data(companion)
        return companion

    def _send_initial_data(self, companion: Companion) -> None:
        """Sends the initial data of a new device: the app state key (for the push name) and the history."""
        value = SyncActionValue()
        value.pushNameSetting.name = self.account.name
        self.account.app_state.set("critical_block", ["setting_pushName"], value)
        message = Message()
        message.protocolMessage.type = message.protocolMessage.APP_STATE_SYNC_KEY_SHARE
        key = message.protocolMessage.appStateSyncKeyShare.keys.add()
        key.keyID.keyID, key.keyData.keyData = self.account.app_state.key_id, self.account.app_state.key
        key.keyData.timestamp = self.network.now() * 1000
        key.keyData.fingerprint.rawID = 1
        key.keyData.fingerprint.currentIndex = 0
        key.keyData.fingerprint.deviceIndexes.append(0)
        self.send_to_companion(companion, message, {"category": "peer", "push_priority": "high"})
        self.send_history({}, companion)

    # -- after linking
    def write_own(self, to: SimulatedAccount, words: str) -> str:
        """The owner writes on the phone: `to` gets the message, the companions a copy. To the own account: a note."""
        return self.write_own_content(to, text(words))

    def write_own_content(self, to: SimulatedAccount, content: OutgoingContent) -> str:
        """Like `write_own`, for any content."""
        message = Message()
        message.deviceSentMessage.destinationJID = str(to.lid)
        message.deviceSentMessage.message.MergeFromString(content.payload)
        message_id = self.network.names.message_id()
        if to is not self.account:
            self.write(to, content, message_id)
        else:
            self.inbox.add(
                ReceivedMessage(message_id, self.account.number, "plain", decode_content(content), to.number)
            )
        head: Attributes = {"recipient": to.lid, "peer_recipient_pn": to.pn, "addressing_mode": "lid"}
        head["edit"] = content.edit
        for companion in self.account.companions.values():
            self.send_to_companion(companion, message, {**head, "id": message_id})
        return message_id

    def read(self, sender: SimulatedAccount, ids: list[str]) -> None:
        """The owner reads messages of a contact on the phone; the companions get the read receipt."""
        first, *others = ids
        lists = [element("list", None, *[element("item", {"id": other}) for other in others])] if others else []
        head: Attributes = {"from": self.account.lid, "recipient": sender.lid, "id": first, "type": "read"}
        for companion in self.account.companions.values():
            receipt = element("receipt", {**head, "t": self.network.now()}, *lists)
            self.network.delivery.deliver(companion, receipt)

    def send_history(self, chats: dict[str, list[str]], only: Companion | None = None) -> None:
        """Sends an initial history sync to one companion or to all. `chats`: texts by contact number, oldest first."""
        history = HistorySync(syncType=0, chunkOrder=1, progress=100)
        for number, words in chats.items():
            contact = self.network.accounts[number]
            conversation, pushname = history.conversations.add(), history.pushnames.add()
            conversation.ID, conversation.name = str(contact.lid), contact.name
            pushname.ID, pushname.pushname = str(contact.lid), contact.name
            for position, line in enumerate(words):
                entry = conversation.messages.add().message
                entry.key.remoteJID, entry.key.fromMe = str(contact.lid), False
                entry.key.ID = self.network.names.message_id()
                entry.message.conversation, entry.messageTimestamp = line, self.network.now() - 1000 + position
        message = Message()
        message.protocolMessage.type = message.protocolMessage.HISTORY_SYNC_NOTIFICATION
        notice = message.protocolMessage.historySyncNotification
        notice.syncType, notice.chunkOrder, notice.progress = 0, 1, 100
        notice.initialHistBootstrapInlinePayload = zlib.compress(history.SerializeToString())
        for companion in [only] if only else list(self.account.companions.values()):
            self.send_to_companion(companion, message, {"category": "peer"})

    def go(self, online: bool) -> None:
        """Goes online or offline; online again, the phone reads the messages it missed."""
        self.online = online
        missed, self._missed = (self._missed, []) if online else ([], self._missed)
        for incoming in missed:
            super().on_message(incoming)

    def on_message(self, incoming: IncomingStanza) -> None:
        if self.online:
            super().on_message(incoming)
        else:
            self._missed.append(incoming)

    def send_to_companion(self, companion: Companion, message: Any, extra: Attributes, *parts: Node) -> None:
        """Sends one encrypted message to a companion; `parts` are further children of the stanza."""
        sender: Attributes = {"from": self.account.lid, "id": self.network.names.message_id()}
        stanza = {**sender, "t": int(time.time()), "type": "text", "notify": self.account.name, **extra}
        enc = self._seal(companion, message.SerializeToString())
        self.network.delivery.deliver(companion, element("message", stanza, enc, *parts))

    def _require_online(self) -> None:
        if not self.online:
            raise WrongPhoneState("the phone is offline: put it online first")

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
