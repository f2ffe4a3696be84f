"""Reason codes of a connection's status, each with one sentence: what happened and what to do."""

DETAILS = {
    "paired": "The account is linked; WhatsApp is being connected.",
    "connection_lost": "The connection to WhatsApp was lost; it is being restored by itself.",
    "network_unreachable": "WhatsApp cannot be reached; check the network or proxy. It is tried again by itself.",
    "library_interrupted": "The WhatsApp library stopped reading the connection; it was closed and is started again.",
    "worker_crashed": "The process that held the connection ended; it is started again by itself.",
    "service_restarted": "The service was restarted; the connection is being restored.",
    "service_stopping": "The service is stopping; the connection is restored when it starts again.",
    "lease_lost": "This node lost contact with the message bus; the connection is restored when it is back.",
    "refused_by_whatsapp": "WhatsApp refuses the connection; wait a while and connect again.",
    "restricted_by_whatsapp": "WhatsApp restricts this account; read the notice on the phone and wait until it ends.",
    "client_outdated": "WhatsApp no longer accepts this version; update Switchboard, then connect again.",
    "connection_replaced": "Another program took over the connection with the same keys; stop it, then connect again.",
    "logged_out": "The device was unlinked on the phone; connect again to link it.",
    "main_device_gone": "WhatsApp removed the account from its phone; register it there, then connect again.",
    "keys_missing": (
        "The device keys of this account are not in this node's data folder; start the service with the folder that "
        "holds them, or log the account out and connect again to link it anew."
    ),
    "new_chats_restricted": (
        "WhatsApp restricts this account for a while from writing to people who never wrote to it; answers to those "
        "who wrote first still go out."
    ),
    "number_changed": (
        "Another phone than before linked this instance, so its number has changed; log it out and scan with the right "
        "phone if that was a mistake."
    ),
    "other_number_refused": (
        "A phone with another number than the instance's scanned the code, so it was unlinked again; scan with the "
        "right phone, or change the phone number of the instance first."
    ),
    "logout_asked": "The device was unlinked as asked; connect again to link it.",
    "connect_too_late": (
        "Connecting was asked for while the session service did not run, and it could not begin in time; connect again."
    ),
    "pairing_timeout": "Nobody scanned the code in time; connect again for a new one.",
    "pairing_failed": "WhatsApp did not accept the pairing; check the phone number and connect again.",
    "as_asked": "Disconnected as asked; connect again without a scan.",
}
_OTHER = "The connection ended; connect again, and read the service's log if it ends again."


def detail_of(reason: str | None) -> str | None:
    """None without a reason."""
    return None if reason is None else DETAILS.get(reason, _OTHER)
