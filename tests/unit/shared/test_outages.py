"""Which errors are outages, and which only look like one."""

import errno
import socket

import pytest
from nats.errors import BadSubjectError, ConnectionClosedError, MaxPayloadError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, BadRequestError, NoStreamResponseError, NotFoundError, ServiceUnavailableError
from pymongo.errors import AutoReconnect, NetworkTimeout, OperationFailure, ServerSelectionTimeoutError

from shared.platform.outages import is_outage


@pytest.mark.parametrize(
    "error",
    [
        NatsTimeoutError(),
        ConnectionClosedError(),
        NoRespondersError(),
        NoStreamResponseError(),
        ServiceUnavailableError(code=503, err_code=10077),
        NotFoundError(code=404, err_code=10059),
        APIError(code=408),
        AutoReconnect("away"),
        NetworkTimeout("slow"),
        ServerSelectionTimeoutError("away"),
        ConnectionRefusedError(),
        socket.gaierror("no such host"),
        OSError(errno.EHOSTUNREACH, "no way"),
        TimeoutError(errno.ETIMEDOUT, "of the operating system"),
    ],
    ids=repr,
)
def test_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        MaxPayloadError(),
        BadSubjectError(),
        BadRequestError(code=400, err_code=10054),
        BadRequestError(code=400, err_code=10060),
        TimeoutError(),
        TimeoutError("a bug"),
        OperationFailure("no"),
        KeyError("a bug"),
        FileNotFoundError(errno.ENOENT, "no such file"),
        OSError(errno.ENOSPC, "full"),
    ],
    ids=repr,
)
def test_no_outage(error: Exception) -> None:
    assert not is_outage(error)
