"""Users of nats-server as text: those of deploy/nats.production.conf, and a user of a single organization.

`python -m shared.messaging.nats_users <organization id>` prints the block of a user of that organization alone.
"""

import json
import sys

from shared.contracts.ids import is_slug
from shared.messaging.permissions import NatsPermissions, organization_permissions

RESPONSE_EXPIRY = "2m"
"""A service may publish one reply to a request within this time; the longest request takes 60 s."""
_USAGE = "usage: python -m shared.messaging.nats_users <organization id>\n"


def password_variable(user: str) -> str:
    """The environment variable with this user's password."""
    return f"NATS_{user.upper().replace('-', '_')}_PASSWORD"


def user_block(name: str, permissions: NatsPermissions) -> str:
    """One entry of `users` in the server's configuration."""
    publish = [
        _listed("allow", permissions.publish),
        *([_listed("deny", permissions.deny_publish)] if permissions.deny_publish else []),
    ]
    subscribe = [
        _listed("allow", permissions.subscribe),
        *([_listed("deny", permissions.deny_subscribe)] if permissions.deny_subscribe else []),
    ]
    inner = "\n".join(
        (
            "      publish: {",
            *publish,
            "      }",
            "      subscribe: {",
            *subscribe,
            "      }",
            *(
                (f'      allow_responses: {{ max: 1, expires: "{RESPONSE_EXPIRY}" }}',)
                if permissions.allow_responses
                else ()
            ),
        )
    )
    return f"    {{ user: {name}, password: ${password_variable(name)}, permissions: {{\n{inner}\n    }} }}"


def _listed(name: str, subjects: tuple[str, ...]) -> str:
    lines = "".join(f"          {json.dumps(subject)}\n" for subject in sorted(set(subjects)))
    return f"        {name}: [\n{lines}        ]"


def organization_block(organization_id: str) -> str:
    """The user `organization-<id>`, with an inbox prefix of its own. Raises ValueError for what is no id."""
    if not is_slug(organization_id):
        raise ValueError(f"{organization_id!r} is no organization id: lower-case letters, digits, '-' and '_'")
    name = f"organization-{organization_id}"
    return user_block(name, organization_permissions(organization_id, name))


def main(arguments: list[str]) -> int:
    """Exit status: 0 when the block was printed, 2 for invalid arguments."""
    try:
        (organization_id,) = arguments
        sys.stdout.write(organization_block(organization_id) + "\n")
    except ValueError as error:
        sys.stderr.write(_USAGE if len(arguments) != 1 else f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
