"""Dependencies of routes. FastAPI calls a plain function, or a class, in another thread, which costs each request two
switches of threads; what only reads its arguments is called in the event loop."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from fastapi import Depends


def depends_on(function: Callable[..., Any]) -> Any:
    """`Depends`, for a plain function or a class that does not block."""

    @wraps(function, updated=())
    async def call(**arguments: Any) -> Any:
        return function(**arguments)

    return Depends(call)
