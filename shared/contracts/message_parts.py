"""The parts of a message besides its text."""

from pydantic import BaseModel, ConfigDict

from shared.text.bounded_text import BoundedFileName, BoundedLabel, BoundedLink, BoundedMimeType, BoundedName, ExactSize


class MessagePart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Media(MessagePart):
    """The attachment of a message. `size` in bytes, `seconds` for audio and video."""

    mime_type: BoundedMimeType | None = None
    file_name: BoundedFileName | None = None
    size: ExactSize = None
    seconds: ExactSize = None


class Referral(MessagePart):
    """The advertisement whose tap started a conversation; the field names are those of the Cloud API.

    `source_type`: `ad` or `post`. `ctwa_clid`: the id of the click, for the advertiser's conversions.
    """

    source_type: BoundedLabel | None = None
    source_id: BoundedLabel | None = None
    source_url: BoundedLink | None = None
    headline: BoundedName | None = None
    body: BoundedName | None = None
    ctwa_clid: BoundedLink | None = None
