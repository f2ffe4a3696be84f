"""WhatsApp addresses: a phone number (s.whatsapp.net), a LID (lid) or a group (g.us), with a device number."""

from typing import NamedTuple

PHONE_SERVER, LID_SERVER, GROUP_SERVER_NAME = "s.whatsapp.net", "lid", "g.us"


class Jid(NamedTuple):
    """`user:device@server`; device 0 is the phone itself, an empty user the server."""

    user: str
    server: str
    device: int = 0

    def with_device(self, device: int) -> "Jid":
        return Jid(self.user, self.server, device)

    def __str__(self) -> str:
        if not self.user:
            return self.server
        return f"{self.user}:{self.device}@{self.server}" if self.device else f"{self.user}@{self.server}"

    @classmethod
    def parse(cls, text: str) -> "Jid":
        """Inverse of `str`. Raises ValueError when the device is no number."""
        user, separator, server = text.partition("@")
        if not separator:
            return cls("", text)
        user, _, device = user.partition(":")
        return cls(user.split(".")[0], server, int(device or 0))


SERVER = Jid("", PHONE_SERVER)
