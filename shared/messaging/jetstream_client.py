"""The JetStream client with a workaround for a fault of nats-py 2.16."""

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext


class JetStream(JetStreamContext):
    """The library raises the error of a `publish_async` in its own callback, where it is lost: the publisher would take
    a refusal of the server (10054, 10060) for a timeout. Here the error is set on the future."""

    async def _handle_async_reply(self, msg: Msg) -> None:
        try:
            await super()._handle_async_reply(msg)
        except NatsError as error:
            token = msg.subject.rpartition(".")[2]
            future = self._publish_async_futures.get(token)
            if future and not future.done():
                future.set_exception(error)
