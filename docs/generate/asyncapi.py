"""docs/asyncapi.json: the document the api serves at /asyncapi.json."""

import json

from services.api.nats.asyncapi import document


def asyncapi_json() -> str:
    """The text of docs/asyncapi.json."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
