"""What realtime uses of NATS once it is connected."""

from dataclasses import dataclass

from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import JetStreamContext, NatsClient
from shared.messaging.command_client import CommandClient
from shared.messaging.ordered_consumer import MessageHandler, OrderedConsumer


@dataclass(frozen=True)
class NatsClients:
    client: NatsClient
    js: JetStreamContext
    commands: CommandClient

    def event_consumer(self, subject_filter: str, handler: MessageHandler) -> OrderedConsumer:
        """Of the events stream; the caller starts and stops it."""
        return OrderedConsumer(self.client, self.js, EVENTS_STREAM, subject_filter, handler)
