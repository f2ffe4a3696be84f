"""The simulated world that the control interface operates on: the server, the phones and the contacts."""

from pathlib import Path

from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from simulator.protocol import tokens
from simulator.server.network import NetworkState
from simulator.server.service import WhatsAppServer
from simulator.store import SimulatorStore


class World:
    """Phones and contacts by phone number. `start` sets `proxy_port`; `stop` writes everything to the store."""

    def __init__(self, folder: Path, seed: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        tokens.load()
        self.network = NetworkState(SimulatorStore(folder / "simulator.sqlite"), folder, seed)
        self.service = WhatsAppServer(self.network)
        self.phones: dict[str, SimulatedPhone] = {}
        self.contacts: dict[str, SimulatedContact] = {}
        self.proxy_port = 0
        for account in self.network.accounts.values():
            if account.role == "phone":
                self.phones[account.number] = SimulatedPhone(self.network, account, self.service.login_handler)
            else:
                self.contacts[account.number] = SimulatedContact(self.network, account)

    async def start(self, port: int = 0) -> None:
        self.proxy_port = await self.service.start(port)

    async def stop(self) -> None:
        await self.service.stop()
        await self.network.close()

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy_port}"

    @property
    def noise_root(self) -> str:
        """The hexadecimal public key that a client must trust instead of its pinned root."""
        return self.network.meta.noise.root.public.hex()

    def add_phone(self, number: str | None = None, name: str | None = None) -> SimulatedPhone:
        names = self.network.names
        number = number or names.number(self.network.accounts)
        account = self.network.add_account(number, name or names.person(), "phone")
        self.phones[number] = SimulatedPhone(self.network, account, self.service.login_handler)
        return self.phones[number]

    def add_contact(self, number: str | None = None, name: str | None = None) -> SimulatedContact:
        names = self.network.names
        number = number or names.number(self.network.accounts)
        account = self.network.add_account(number, name or names.person(), "contact")
        self.contacts[number] = SimulatedContact(self.network, account)
        return self.contacts[number]
