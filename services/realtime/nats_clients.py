"""What the sockets need of NATS."""

from dataclasses import dataclass

from nats.aio.client import Client
from nats.js import JetStreamContext

from services.realtime.rooms import OrganizationRooms
from shared.messaging.command_client import CommandClient


@dataclass(frozen=True)
class NatsClients:
    client: Client
    js: JetStreamContext
    rooms: OrganizationRooms
    commands: CommandClient
