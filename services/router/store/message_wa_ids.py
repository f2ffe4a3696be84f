"""Queries for messages by their WhatsApp ids."""

from collections.abc import Iterable

from shared.platform.mongo import MongoQuery

HAS_WA_ID: MongoQuery = {"wa_id": {"$type": "string"}}
"""The filter of the partial index `once_per_chat_and_sender`."""


def one_of_wa_ids(wa_ids: Iterable[str]) -> MongoQuery:
    """The condition on `wa_id`. MongoDB uses the partial index only for queries that contain its filter; without it,
    MongoDB read every message of the instance."""
    return {"$in": sorted(wa_ids), **HAS_WA_ID["wa_id"]}
