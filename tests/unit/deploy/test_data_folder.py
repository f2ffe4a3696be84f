"""The data folder: secrets, the lock, and the errors when it cannot be used."""

import json
import os
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from deploy.local.data_folder import DataFolder, DataFolderError
from shared.platform.token_keys import SigningKey

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.open(3000)
    return made


def test_secrets_are_made_once_and_only_the_owner_reads_them(folder: DataFolder) -> None:
    first = folder.secrets()
    assert folder.secrets() == first
    assert SigningKey.parse(first.token_private_key).public_text == first.token_public_key
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder.path / "secrets").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_two_folders_have_different_secrets(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder(tmp_path / "other")
    other.open(3000)
    assert other.secrets().password != folder.secrets().password


def test_an_empty_secret_file_is_replaced(folder: DataFolder) -> None:
    (folder.path / "secrets" / "token_private_key").write_text("")
    assert SigningKey.parse(folder.secrets().token_private_key)


def test_the_public_half_always_belongs_to_the_private_one(folder: DataFolder) -> None:
    folder.secrets()
    (folder.path / "secrets" / "token_public_key").write_text(SigningKey.generate().public_text)
    found = folder.secrets()
    assert SigningKey.parse(found.token_private_key).public_text == found.token_public_key


def test_a_secret_of_an_earlier_version_is_removed_and_a_world_readable_one_becomes_private(folder: DataFolder) -> None:
    (folder.path / "secrets" / "token_secret").write_text("a" * 64)
    folder.secrets()
    (folder.path / "secrets" / "token_private_key").chmod(0o644)
    folder.secrets()
    assert not (folder.path / "secrets" / "token_secret").exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.path / "secrets").iterdir()} == {0o600}


def test_a_broken_key_file_is_named_with_the_remedy(folder: DataFolder) -> None:
    (folder.path / "secrets" / "token_private_key").write_text("not a key")
    with pytest.raises(DataFolderError, match=r"token_private_key: not a private key.*delete the file"):
        folder.secrets()


def test_a_second_launcher_gets_the_address_of_the_first(folder: DataFolder) -> None:
    with pytest.raises(
        DataFolderError, match=rf"already runs on .* at http://127.0.0.1:3000 \(process {os.getpid()}\)"
    ):
        DataFolder(folder.path).open(4000)


def test_a_closed_folder_can_be_opened_again(folder: DataFolder) -> None:
    folder.close()
    again = DataFolder(folder.path)
    again.open(4000)
    assert json.loads((folder.path / "lock").read_text())["port"] == 4000


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match=r"cannot use .*file: .*; choose another with --data DIR"):
        DataFolder(tmp_path / "file").open(3000)


def test_a_full_disk_is_reported_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(0, 0, 1 << 20))
    with pytest.raises(DataFolderError, match="the disk is full: 1 MB are free"):
        DataFolder(tmp_path / "data").open(3000)
