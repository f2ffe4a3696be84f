"""The simulated world: the network's service and the people on it. What the control interface talks to."""

from pathlib import Path

from simulator.people.contact import Contact
from simulator.people.phone import Phone
from simulator.protocol import tokens
from simulator.server.network import Network
from simulator.server.service import Service
from simulator.store import Store


class World:
    """People by phone number. Start it, then `proxy_port` is known; stop it, and everything is written."""

    def __init__(self, folder: Path, seed: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        tokens.load()
        self.network = Network(Store(folder / "simulator.sqlite"), folder, seed)
        self.service = Service(self.network)
        self.phones: dict[str, Phone] = {}
        self.contacts: dict[str, Contact] = {}
        self.proxy_port = 0
        for account in self.network.accounts.values():
            if account.role == "phone":
                self.phones[account.number] = Phone(self.network, account, self.service.doorkeeper)
            else:
                self.contacts[account.number] = Contact(self.network, account)

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
        """Hexadecimal public key that a client must trust instead of its pinned root."""
        return self.network.meta.noise.root.public.hex()

    def add_phone(self, number: str | None = None, name: str | None = None) -> Phone:
        names = self.network.names
        number = number or names.number(self.network.accounts)
        account = self.network.add_account(number, name or names.person(), "phone")
        self.phones[number] = Phone(self.network, account, self.service.doorkeeper)
        return self.phones[number]

    def add_contact(self, number: str | None = None, name: str | None = None) -> Contact:
        names = self.network.names
        number = number or names.number(self.network.accounts)
        account = self.network.add_account(number, name or names.person(), "contact")
        self.contacts[number] = Contact(self.network, account)
        return self.contacts[number]
