"""One key pair for all tests of a run: the tests sign with it, the services under test check with its public half."""

from shared.platform.token_keys import SigningKey, VerificationKeys

SIGNING_KEY = SigningKey.generate()
PRIVATE_KEY, PUBLIC_KEY = SIGNING_KEY.text, SIGNING_KEY.public_text
VERIFICATION_KEYS = VerificationKeys.parse(PUBLIC_KEY)
