"""Counts guesses at one-time tokens that are sent in bodies, those of links, like wrong access tokens and API keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from services.api.access.password_check import client_address
from services.api.context import ApiContext
from shared.contracts.errors import Problem


@asynccontextmanager
async def counted_guesses(context: ApiContext, request: Request) -> AsyncIterator[None]:
    """Held around the look-up of a token. One that was never issued counts as a guess of this address; after too many
    of them Problem 429 `too_many_failures` is raised instead."""
    try:
        yield
    except Problem as problem:
        raise await context.rate_limits.problem_for(context.database, problem, client_address(request)) from problem
