"""What the sockets need of NATS."""

from dataclasses import dataclass

from nats.aio.client import Client

from services.realtime.rooms import Rooms
from shared.dispatch import Dispatcher


@dataclass(frozen=True)
class Links:
    client: Client
    rooms: Rooms
    dispatcher: Dispatcher
