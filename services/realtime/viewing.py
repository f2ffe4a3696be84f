"""Which conversation a user looks at, for the other users of the organization (docs/decisions/0018)."""

from services.realtime.client_requests import parse
from services.realtime.payloads import Payload
from services.realtime.presence import ConversationRequest, PresenceHandlers, is_user
from services.realtime.server import RealtimeServer
from shared.contracts.ephemeral import VIEWING_LIFETIME_S, ColleagueViewing
from shared.contracts.message import utc_now
from shared.messaging.publisher import publish_ephemeral


class ViewingRequest(ConversationRequest):
    """`viewing` is false when the user leaves the conversation."""

    viewing: bool = True


class ViewingHandlers:
    """Registers itself with the server. A socket views one conversation at a time."""

    def __init__(self, server: RealtimeServer, presence: PresenceHandlers) -> None:
        self._server = server
        self._presence = presence
        self._viewed: dict[str, ColleagueViewing] = {}
        """What was published last, by the id of the socket that views."""
        server.on("conversation:viewing", self._viewing)
        server.on_disconnect(self._disconnected)

    async def _viewing(self, sid: str, data: object) -> Payload:
        principal, request = self._server.authorize(sid, "read"), parse(ViewingRequest, data)
        conversation = await self._presence.read_conversation(principal, request.conversation_id)
        if is_user(principal):
            event = ColleagueViewing(
                organization_id=principal.organization_id,
                instance_id=conversation.instance_id,
                conversation_id=request.conversation_id,
                user_id=principal.subject,
                viewing=request.viewing,
            )
            await self._publish(sid, event)
        return {"success": True, "expiresIn": VIEWING_LIFETIME_S}

    async def _publish(self, sid: str, event: ColleagueViewing) -> None:
        client = self._server.require_nats().client
        viewed = self._viewed.get(sid)
        if viewed and viewed.conversation_id != event.conversation_id:
            if not event.viewing:  # it left this conversation earlier, when it opened another one
                return
            await publish_ephemeral(client, _left(viewed))
        if event.viewing and self._server.is_connected(event.organization_id, sid):
            self._viewed[sid] = event
        else:
            self._viewed.pop(sid, None)
        await publish_ephemeral(client, event)

    async def _disconnected(self, _organization_id: str, sid: str) -> None:
        if viewed := self._viewed.pop(sid, None):
            await publish_ephemeral(self._server.require_nats().client, _left(viewed))


def _left(viewed: ColleagueViewing) -> ColleagueViewing:
    return viewed.model_copy(update={"viewing": False, "at": utc_now()})
