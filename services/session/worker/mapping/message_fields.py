"""The role of each field of the library's `Message`. A test fails when the library has a field that is not listed."""

from enum import Enum, auto


class FieldRole(Enum):
    CONTENT = auto()
    """A person or a business wrote it."""
    WRAPPER = auto()
    """Holds another `Message` in its field `message`; the content is that of the inner message."""
    PROTOCOL = auto()
    """For programs only, or a change to an earlier message: not shown in a conversation."""
    METADATA = auto()
    """Accompanies another field and has no meaning alone."""


_CONTENT_FIELDS = """
conversation extendedTextMessage imageMessage videoMessage ptvMessage audioMessage documentMessage stickerMessage
stickerPackMessage musicMessage contactMessage contactsArrayMessage locationMessage liveLocationMessage
templateMessage highlyStructuredMessage buttonsMessage listMessage interactiveMessage richResponseMessage
buttonsResponseMessage templateButtonReplyMessage listResponseMessage interactiveResponseMessage
productMessage orderMessage invoiceMessage requestPaymentMessage sendPaymentMessage paymentInviteMessage
paymentReminderMessage splitPaymentMessage eventMessage eventInviteMessage scheduledCallCreationMessage
groupInviteMessage newsletterAdminInviteMessage newsletterFollowerInviteMessageV2 requestPhoneNumberMessage
pollCreationMessage pollCreationMessageV2 pollCreationMessageV3 pollCreationMessageV5 pollCreationMessageV6
pollResultSnapshotMessage pollResultSnapshotMessageV3 reactionMessage placeholderMessage conditionalRevealMessage
statusQuestionAnswerMessage questionResponseMessage statusQuotedMessage
"""

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
        (FieldRole.CONTENT, _CONTENT_FIELDS),
        (FieldRole.WRAPPER, _WRAPPER_FIELDS),
        (FieldRole.PROTOCOL, _PROTOCOL_FIELDS),
        (FieldRole.METADATA, _METADATA_FIELDS),
    )
    for name in names.split()
}

WRAPPER_FIELDS = frozenset(name for name, role in FIELD_ROLES.items() if role is FieldRole.WRAPPER)
