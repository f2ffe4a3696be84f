"""The JetStream client, with a fault of nats-py 2.16 repaired."""

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext


class JetStream(JetStreamContext):
    """The library raises what the server answered to `publish_async` in its own callback, where nobody hears it: who
    waits for the answer would take a refusal (10054, 10060) for a server that is away."""

    async def _handle_async_reply(self, msg: Msg) -> None:
        try:
            await super()._handle_async_reply(msg)
        except NatsError as error:
            token = msg.subject.rpartition(".")[2]
            future = self._publish_async_futures.get(token)
            if future and not future.done():
                future.set_exception(error)
