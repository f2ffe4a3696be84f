"""The two notations of a person's phone number and LID. Only this module builds them and takes them apart.

An *address* stands in message records and commands: phone digits, or `<digits>@lid`. An *alias* is the key by which a
contact is found: `phone:<digits>` or `lid:<digits>`.
"""

PHONE_SERVERS, LID_SERVERS = frozenset({"s.whatsapp.net", "hosted"}), frozenset({"lid", "hosted.lid"})
"""What stands behind the `@` in WhatsApp's own notation (JID) of a phone number, and of a LID."""
_PHONE_PREFIX, _LID_PREFIX, _LID_SUFFIX = "phone:", "lid:", "@lid"


def phone_alias(phone: str) -> str:
    return _PHONE_PREFIX + phone


def lid_alias(lid: str) -> str:
    return _LID_PREFIX + lid


def lid_address(lid: str) -> str:
    return lid + _LID_SUFFIX


def is_lid_address(address: str) -> bool:
    return address.endswith(_LID_SUFFIX)


def lid_of_address(address: str) -> str | None:
    """The LID's digits; None for a phone number."""
    return address.removesuffix(_LID_SUFFIX) if is_lid_address(address) else None


def is_lid_alias(alias: str) -> bool:
    return alias.startswith(_LID_PREFIX)


def phone_of_alias(alias: str) -> str | None:
    """The phone's digits; None for a LID."""
    return alias.removeprefix(_PHONE_PREFIX) if alias.startswith(_PHONE_PREFIX) else None


def lid_of_alias(alias: str) -> str | None:
    """The LID's digits; None for a phone number."""
    return alias.removeprefix(_LID_PREFIX) if is_lid_alias(alias) else None


def alias_of_address(address: str) -> str:
    lid = lid_of_address(address)
    return phone_alias(address) if lid is None else lid_alias(lid)


def address_of_alias(alias: str) -> str:
    phone = phone_of_alias(alias)
    return lid_address(alias.removeprefix(_LID_PREFIX)) if phone is None else phone
