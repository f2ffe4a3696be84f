"""docs/asyncapi.json: the document the api serves at /asyncapi.json."""

import json

from services.api.nats.asyncapi import document
from services.api.nats.queries import QUERY_HANDLERS
from services.api.nats.requests import REQUEST_ROUTES


def asyncapi_json() -> str:
    """The text of docs/asyncapi.json."""
    return json.dumps(document(QUERY_HANDLERS, REQUEST_ROUTES), indent=1, ensure_ascii=False) + "\n"
