"""Login and pairing after the Noise handshake."""

import asyncio
from typing import Any

from simulator.protocol.jid import SERVER
from simulator.protocol.node import Attributes, Node, element, leaf
from simulator.server.accounts import Companion, SimulatedAccount
from simulator.server.connection import ClientConnection
from simulator.server.network import NetworkState

QR_REFERENCE_COUNT = 6  # exactly six make the client show the first one for 60 seconds, the others for 20


class LoginHandler:
    """Logs connections in, refuses them or offers pairing; links and unlinks devices."""

    def __init__(self, network: NetworkState) -> None:
        self._network = network
        self._closing: set[asyncio.Task[None]] = set()

    def on_opened(self, connection: ClientConnection) -> None:
        if connection.payload.HasField("devicePairingData"):
            self._offer_pairing(connection)
            return
        account = self._network.accounts.get(str(connection.payload.username))
        companion = account.companions.get(connection.payload.device) if account else None
        if account and account.faults.refuse_connections:
            self.close(connection, abrupt=True)
        elif account and account.faults.fail_login:
            self._fail(connection, account.faults.fail_login)
        elif account is None or companion is None or companion.noise_public != connection.static:
            self._fail(connection, {"reason": "401", "location": "cln"})
        else:
            self._log_in(connection, account, companion)

    def on_closed(self, connection: ClientConnection) -> None:
        self._network.connections.discard(connection)
        companion = connection.companion
        if companion is not None and companion.connection is connection:
            companion.connection, companion.active, companion.available = None, False, False

    def close(self, connection: ClientConnection, abrupt: bool = False) -> None:
        """Closes in the background, after the queued stanzas were sent."""
        task = asyncio.get_running_loop().create_task(connection.close(abrupt))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def unlink(self, companion: Companion) -> None:
        """Removes the device; its connection gets a stream error and is closed."""
        self._network.forget_device(companion)
        if companion.connection is not None:
            conflict = element("conflict", {"type": "device_removed"})
            companion.connection.send(element("stream:error", {"code": "401"}, conflict))
            self.close(companion.connection)

    async def link(self, connection: ClientConnection, account: SimulatedAccount, identity_box: bytes) -> Companion:
        """Sends pair-success, takes the device's counter-signature, restarts the stream (515).

        `identity_box` is a serialised ADVSignedDeviceIdentityHMAC. Raises ValueError when the client refuses it.
        """
        companion = _companion(account, connection.static, connection.payload.devicePairingData)
        account.next_device += 1
        success = element(
            "pair-success",
            None,
            leaf("device-identity", identity_box),
            element("biz"),
            element("device", {"jid": companion.pn, "lid": companion.lid}),
            element("platform", {"name": "android"}),
        )
        head: Attributes = {"from": SERVER, "type": "set", "id": self._network.names.token(8), "t": self._network.now()}
        answer = await connection.query(element("iq", head, success))
        if answer.text("type") != "result":
            raise ValueError(f"the device refused the pairing: {answer}")
        companion.signed_identity = answer.data("pair-device-sign", "device-identity")
        connection.refs.clear()
        account.companions[companion.device] = companion
        self._network.mark_changed(account)
        connection.send(element("stream:error", {"code": "515"}))
        self.close(connection)
        return companion

    def _offer_pairing(self, connection: ClientConnection) -> None:
        names = self._network.names
        connection.refs = [f"{number}@{names.token(64)}" for number in range(2, 2 + QR_REFERENCE_COUNT)]
        refs = [leaf("ref", ref.encode()) for ref in connection.refs]
        head: Attributes = {"from": SERVER, "type": "set", "id": names.token(8), "xmlns": "md"}
        connection.send(element("iq", head, element("pair-device", None, *refs)))

    def _fail(self, connection: ClientConnection, reason: dict[str, str]) -> None:
        connection.send(Node("failure", {**reason}))
        self.close(connection)

    def _log_in(self, connection: ClientConnection, account: SimulatedAccount, companion: Companion) -> None:
        if companion.connection is not None:  # the second login of a device replaces the first
            replaced: ClientConnection = companion.connection
            replaced.companion = None
            replaced.send(element("stream:error", None, element("conflict", {"type": "replaced"})))
            self.close(replaced)
        connection.companion, companion.connection, companion.active = companion, connection, False
        companion.logins += 1
        self._network.mark_changed(account)
        now = self._network.now()
        head: Attributes = {"t": now, "lid": companion.lid, "props": "28", "creation": now - 1000, "location": "cln"}
        connection.send(element("success", head))


def _companion(account: SimulatedAccount, static: bytes, pairing: Any) -> Companion:
    return Companion(
        number=account.number,
        lid_user=account.lid_user,
        device=account.next_device,
        noise_public=static,
        identity=pairing.eIdent,
        key_index=account.key_index,
        registration_id=int.from_bytes(pairing.eRegid, "big"),
        signed_id=int.from_bytes(pairing.eSkeyID, "big"),
        signed_public=pairing.eSkeyVal,
        signature=pairing.eSkeySig,
    )
