"""The launcher's data folder: a lock for one launcher at a time, logs, and secrets that the first start makes."""

import fcntl
import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from shared.platform.token_keys import InvalidKey, SigningKey

FIRST_USER_EMAIL = "owner@example.com"
MIN_FREE_BYTES = 500_000_000
"""Bytes; mongod refuses work and JetStream stops accepting messages near the end of the disk."""


class DataFolderError(RuntimeError):
    """The folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Secrets:
    """The key pair of the access tokens (base64 of DER), and the e-mail address and password of the first user."""

    token_private_key: str
    token_public_key: str
    email: str
    password: str


class DataFolder:
    """`open` creates it when it is missing; only its owner can read it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def lock_descriptor(self) -> int:
        """For the orphan cleanup, which holds the lock until every process has ended."""
        assert self._lock is not None
        return self._lock

    def open(self, first_port: int) -> None:
        """Makes the folders and takes the lock. Raises DataFolderError."""
        try:
            for name in ("", "logs", "secrets", "mongo", "nats", "session", "simulator"):
                (self.path / name).mkdir(parents=True, exist_ok=True, mode=0o700)
                (self.path / name).chmod(0o700)  # an earlier version, or the user, may have made it for everybody
        except OSError as error:
            message = f"cannot use {self.path}: {error.strerror}; choose another with --data DIR"
            raise DataFolderError(message) from error
        free = shutil.disk_usage(self.path).free
        if free < MIN_FREE_BYTES:
            raise DataFolderError(
                f"the disk is full: {free // 2**20} MB are free in {self.path} and"
                f" {MIN_FREE_BYTES // 2**20} MB are needed; free some or choose another disk with --data DIR"
            )
        self._take_lock(first_port)

    def close(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def secrets(self) -> Secrets:
        """The secrets of this folder; the first call makes them. Raises DataFolderError."""
        try:
            key = SigningKey.parse(self._secret("token_private_key", SigningKey.generate().text))
        except InvalidKey as error:
            path = self.path / "secrets" / "token_private_key"
            raise DataFolderError(f"{path}: {error}; or delete the file, then everybody logs in once more") from error
        (self.path / "secrets" / "token_secret").unlink(missing_ok=True)  # of versions before the key pair
        return Secrets(
            token_private_key=key.text,
            token_public_key=self._write_secret("token_public_key", key.public_text),
            email=self._secret("email", FIRST_USER_EMAIL),
            password=self._secret("password", secrets.token_urlsafe(12)),
        )

    def _secret(self, name: str, value: str) -> str:
        path = self.path / "secrets" / name
        if path.is_file() and (text := path.read_text().strip()):
            path.chmod(0o600)
            return text
        return self._write_secret(name, value)

    def _write_secret(self, name: str, value: str) -> str:
        path = self.path / "secrets" / name
        temporary = path.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(value + "\n")
        temporary.replace(path)
        return value

    def _take_lock(self, first_port: int) -> None:
        path = self.path / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + 15
        while not _try_lock(descriptor):
            lock_holder = _lock_holder(path)
            running = lock_holder and _is_running(lock_holder["pid"])
            if running or time.monotonic() > deadline:
                os.close(descriptor)
                address = (
                    f" at http://127.0.0.1:{lock_holder['port']} (process {lock_holder['pid']})" if lock_holder else ""
                )
                raise DataFolderError(
                    f"Switchboard already runs on {self.path}{address}: use that one, stop it, or choose another folder"
                    " with --data DIR and other ports with --port N"
                )
            time.sleep(0.1)  # the previous launcher was killed and the orphan cleanup still stops its processes
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "port": first_port}).encode(), 0)
        self._lock = descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_holder(path: Path) -> dict[str, int] | None:
    try:
        lock_holder: dict[str, int] = json.loads(path.read_text())
    except ValueError:
        return None
    return lock_holder


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
