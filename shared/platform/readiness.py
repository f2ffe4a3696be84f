"""Is what a service depends on reachable: for `/readyz` of every service and `/health/ready` of the api."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

Check = Callable[[], Awaitable[object]]
"""Raises when what it checks does not work."""

CHECK_TIMEOUT_S = 3
MAX_REASON_LENGTH = 200


async def failed_checks(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run every check. The names of those that fail or take longer than CHECK_TIMEOUT_S, each with the reason."""
    failed: dict[str, str] = {}
    for name, check in checks.items():
        try:
            await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
        except Exception as error:
            failed[name] = str(error)[:MAX_REASON_LENGTH] or type(error).__name__
    return failed
