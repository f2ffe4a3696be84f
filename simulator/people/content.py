"""Message contents: builds the protobuf that is encrypted, and decodes one that was decrypted."""

from dataclasses import dataclass
from typing import Any

from simulator.protocol.kdf import sha256
from simulator.protocol.media import EncryptedMedia, decrypt, encrypt
from simulator.protocol.protos import Message
from simulator.server.media_host import HOST, MediaHost

MEDIA_FIELDS = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "voice": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
}
WRAPPERS = ("deviceSentMessage", "ephemeralMessage", "viewOnceMessage", "documentWithCaptionMessage")
TEXT_KINDS = ("conversation", "extendedTextMessage")


@dataclass(frozen=True)
class MediaFile:
    """A file as a person sends it. `kind`: image, video, audio, voice, document or sticker."""

    kind: str
    mime_type: str
    data: bytes
    caption: str = ""


@dataclass(frozen=True)
class OutgoingContent:
    """A serialised Message and its stanza attributes: the type (text, media or another `kind`), the media type, and
    `edit` when it edits or revokes another message."""

    payload: bytes
    media_type: str | None = None
    kind: str | None = None
    edit: str | None = None

    @property
    def stanza_type(self) -> str:
        return self.kind or ("media" if self.media_type else "text")


def cipher_kind(kind: str) -> str:
    """The media kind whose keys encrypt the file."""
    return "audio" if kind == "voice" else kind


def text(words: str) -> OutgoingContent:
    return OutgoingContent(Message(conversation=words).SerializeToString())


def disappearing(words: str, seconds: int, set_at: int) -> OutgoingContent:
    """A text in a chat with a disappearing-messages timer of `seconds`, which was set at `set_at` (epoch seconds)."""
    message = Message()
    message.extendedTextMessage.text = words
    message.extendedTextMessage.contextInfo.expiration = seconds
    message.extendedTextMessage.contextInfo.ephemeralSettingTimestamp = set_at
    return OutgoingContent(message.SerializeToString())


def raw(payload: bytes, media_type: str | None = None) -> OutgoingContent:
    """Any serialised Message, also one that no client would send."""
    return OutgoingContent(payload, media_type)


def media(host: MediaHost, file: MediaFile, recipient: str) -> OutgoingContent:
    """Encrypts and uploads a file. `recipient`: a phone number, so that the host can fail for one account only."""
    sealed = encrypt(file.data, cipher_kind(file.kind))
    path = host.put(sealed.blob, recipient)
    message = Message()
    part = getattr(message, MEDIA_FIELDS[file.kind])
    part.URL, part.directPath, part.mimetype = HOST + path, path, file.mime_type
    part.mediaKey, part.fileLength = sealed.key, len(file.data)
    part.fileSHA256, part.fileEncSHA256 = sha256(file.data), sha256(sealed.blob)
    if file.caption and file.kind in ("image", "video", "document"):
        part.caption = file.caption
    if file.kind == "voice":
        part.PTT = True
    return OutgoingContent(message.SerializeToString(), "ptt" if file.kind == "voice" else file.kind)


@dataclass(frozen=True)
class DecodedMessage:
    """A decrypted message: its text, its kind (text, image, ... or the name of the protobuf field), its file."""

    words: str
    kind: str
    part: Any = None
    expiration: int = 0
    """Seconds after which a text disappears; 0 when it does not."""

    def describe_media(self) -> dict[str, Any] | None:
        if self.part is None:
            return None
        description = {
            "mime_type": self.part.mimetype,
            "size": self.part.fileLength,
            "sha256": self.part.fileSHA256.hex(),
        }
        return {
            **description,
            "file_name": getattr(self.part, "fileName", ""),
            "caption": getattr(self.part, "caption", ""),
        }

    def file(self, host: MediaHost) -> bytes:
        """The decrypted file. Raises ValueError for a message without one, FileNotFoundError when it is gone."""
        if self.part is None:
            raise ValueError("this message carries no file")
        blob = host.get(self.part.directPath)
        return decrypt(EncryptedMedia(self.part.mediaKey, blob), cipher_kind(self.kind))


def decode(message: Any) -> DecodedMessage:
    """Decodes a Message; unwraps the wrapper types first."""
    for wrapper in WRAPPERS:
        if message.HasField(wrapper):
            return decode(getattr(message, wrapper).message)
    for kind, name in MEDIA_FIELDS.items():
        if message.HasField(name):
            part = getattr(message, name)
            voice = name == "audioMessage" and part.PTT
            return DecodedMessage(getattr(part, "caption", ""), "voice" if voice else kind, part)
    if message.HasField("reactionMessage"):
        return DecodedMessage(message.reactionMessage.text, "reaction")
    words = message.conversation or message.extendedTextMessage.text
    if isinstance(words, bytes):  # no valid UTF-8
        words = words.decode(errors="replace")
    expiration = message.extendedTextMessage.contextInfo.expiration
    names = [item.name for item, _ in message.ListFields() if item.name != "messageContextInfo"]
    return DecodedMessage(words, "text" if words or not names or names[0] in TEXT_KINDS else names[0], None, expiration)
