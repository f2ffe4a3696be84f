"""The role of those fields of the library's `Message` that hold no content themselves.

All others are content; message_content.py says how it is read. A test fails when the library has a field that stands in
neither module.
"""

from enum import Enum, auto


class FieldRole(Enum):
    WRAPPER = auto()
    """Holds another `Message` in its field `message`; the content is that of the inner message."""
    PROTOCOL = auto()
    """For programs only, or a change to an earlier message: not shown in a conversation."""
    METADATA = auto()
    """Accompanies another field and has no meaning alone."""


_WRAPPER_FIELDS = """
ephemeralMessage viewOnceMessage viewOnceMessageV2 viewOnceMessageV2Extension editedMessage documentWithCaptionMessage
groupMentionedMessage botInvokeMessage lottieStickerMessage eventCoverImage statusMentionMessage
pollCreationOptionImageMessage associatedChildMessage groupStatusMentionMessage pollCreationMessageV4 statusAddYours
groupStatusMessage limitSharingMessage botTaskMessage questionMessage groupStatusMessageV2 botForwardedMessage
questionReplyMessage newsletterAdminProfileMessage spoilerMessage newsletterAdminProfileStatusMessage
botPlatformRegistrationSuccessMessage newsletterScheduledMessage acp2SettingMessage audioStickerMessage
deviceSentMessage commentMessage
"""

_PROTOCOL_FIELDS = """
protocolMessage call chat callLogMesssage bcallMessage scheduledCallEditMessage stickerSyncRmrMessage
declinePaymentRequestMessage cancelPaymentRequestMessage splitPaymentUpdateMessage
pollUpdateMessage pollAddOptionMessage encReactionMessage encCommentMessage encEventResponseMessage
secretEncryptedMessage keepInChatMessage pinInChatMessage albumMessage messageHistoryBundle messageHistoryNotice
statusNotificationMessage statusStickerInteractionMessage groupRootKeyShare rootSecretDistributeMessage
"""

_METADATA_FIELDS = """
senderKeyDistributionMessage fastRatchetKeySenderKeyDistributionMessage messageContextInfo statusLinkPreviewMetadata
"""

FIELD_ROLES: dict[str, FieldRole] = {
    name: role
    for role, names in (
        (FieldRole.WRAPPER, _WRAPPER_FIELDS),
        (FieldRole.PROTOCOL, _PROTOCOL_FIELDS),
        (FieldRole.METADATA, _METADATA_FIELDS),
    )
    for name in names.split()
}

WRAPPER_FIELDS = frozenset(name for name, role in FIELD_ROLES.items() if role is FieldRole.WRAPPER)
