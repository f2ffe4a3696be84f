"""What the sockets need of NATS."""

from dataclasses import dataclass

from services.realtime.rooms import OrganizationRooms
from shared.messaging.client import JetStreamContext, NatsClient
from shared.messaging.command_client import CommandClient


@dataclass(frozen=True)
class NatsClients:
    client: NatsClient
    js: JetStreamContext
    rooms: OrganizationRooms
    commands: CommandClient
