"""Migration: messages of earlier versions get the addresses that are part of their key (rules/message_keys.py)."""

from shared.contracts.message_identity import OWN
from shared.platform.mongo import Database, Document


async def add_other_parties(database: Database) -> None:
    """The address a record shows, as in `stored_party`. Repeatable."""
    inbound: Document = {"$eq": ["$direction", "inbound"]}
    address: Document = {"$cond": [inbound, "$from_address", "$to_address"]}
    user: Document = {"$arrayElemAt": [{"$split": [address, "@"]}, 0]}
    hidden: Document = {"$regexMatch": {"input": address, "regex": "@lid$"}}
    alias: Document = {"$concat": [{"$cond": [hidden, "lid:", "phone:"]}, user]}
    to_group: Document = {"$and": [{"$not": [inbound]}, {"$gt": ["$group", None]}]}
    own: Document = {"$literal": OWN}
    await database["messages"].update_many(
        {"other_party": {"$exists": False}}, [{"$set": {"other_party": [{"$cond": [to_group, own, alias]}]}}]
    )
