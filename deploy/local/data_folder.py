"""The folder everything lives in: one launcher at a time, logs, and secrets made on the first start."""

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
MIN_FREE = 500_000_000
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
    """Made when missing, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def lock_descriptor(self) -> int:
        """For the reaper, which holds the lock until everything is gone."""
        assert self._lock is not None
        return self._lock

    def open(self, first_port: int) -> None:
        """Take the lock, make the folders. Raises DataFolderError."""
        try:
            for name in ("", "logs", "secrets", "mongo", "nats", "session", "simulator"):
                (self.path / name).mkdir(parents=True, exist_ok=True, mode=0o700)
                (self.path / name).chmod(0o700)  # an earlier version, or the user, may have made it for everybody
        except OSError as error:
            why = f"cannot use {self.path}: {error.strerror}; choose another with --data DIR"
            raise DataFolderError(why) from error
        free = shutil.disk_usage(self.path).free
        if free < MIN_FREE:
            raise DataFolderError(
                f"the disk is full: {free // 2**20} MB are free in {self.path} and {MIN_FREE // 2**20} MB are needed;"
                " free some or choose another disk with --data DIR"
            )
        self._take_lock(first_port)

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def secrets(self) -> Secrets:
        """Those of this folder, made on the first call. Raises DataFolderError."""
        try:
            key = SigningKey.parse(self._kept("token_private_key", SigningKey.generate().text))
        except InvalidKey as error:
            path = self.path / "secrets" / "token_private_key"
            raise DataFolderError(f"{path}: {error}; or delete the file, then everybody logs in once more") from error
        (self.path / "secrets" / "token_secret").unlink(missing_ok=True)  # of versions before the key pair
        return Secrets(
            token_private_key=key.text,
            token_public_key=self._written("token_public_key", key.public_text),
            email=self._kept("email", FIRST_USER_EMAIL),
            password=self._kept("password", secrets.token_urlsafe(12)),
        )

    def _kept(self, name: str, fresh: str) -> str:
        path = self.path / "secrets" / name
        if path.is_file() and (text := path.read_text().strip()):
            path.chmod(0o600)
            return text
        return self._written(name, fresh)

    def _written(self, name: str, fresh: str) -> str:
        path = self.path / "secrets" / name
        half = path.with_suffix(".new")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(fresh + "\n")
        half.replace(path)
        return fresh

    def _take_lock(self, first_port: int) -> None:
        path = self.path / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + 15
        while not _locked(descriptor):
            holder = _holder(path)
            alive = holder and _alive(holder["pid"])
            if alive or time.monotonic() > deadline:
                os.close(descriptor)
                where = f" at http://127.0.0.1:{holder['port']} (process {holder['pid']})" if holder else ""
                raise DataFolderError(
                    f"Switchboard already runs on {self.path}{where}: use that one, stop it, or choose another folder"
                    " with --data DIR and other ports with --port N"
                )
            time.sleep(0.1)  # the launcher before was killed and its processes are being ended
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "port": first_port}).encode(), 0)
        self._lock = descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> dict[str, int] | None:
    try:
        holder: dict[str, int] = json.loads(path.read_text())
    except ValueError:
        return None
    return holder


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
