"""How API keys, invitations and refresh tokens are stored: as SHA-256 only. They are 256 random bits, so a slow hash
like that of passwords would add nothing."""

import hashlib


def token_hash(token: str) -> str:
    """Hexadecimal. Half surrogates, which no issued token has, are hashed as `?` instead of failing."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
