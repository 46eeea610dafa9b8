"""What the practitioner's commands write is readable by its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from tournee.cli import inbox, send
from tournee.store import keys
from tournee.store.home import made, write_private


@pytest.fixture(autouse=True)
def open_umask() -> object:
    """A careless umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_and_an_older_one_are_closed_to_others(tmp_path: Path) -> None:
    new, old = tmp_path / "new.pdf", tmp_path / "old.pdf"
    old.write_bytes(b"something longer")
    old.chmod(0o644)
    for path in (new, old):
        write_private(path, b"data")
        assert (path.read_bytes(), mode(path)) == (b"data", 0o600)


def test_the_data_folder_and_the_key_are_closed_to_others(tmp_path: Path) -> None:
    folder = made(tmp_path / "home")
    keys.create(folder / "key.json", "device", "a phrase")
    assert (mode(folder), mode(folder / "key.json")) == (0o700, 0o600)


def test_copies_of_files_and_mails_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()  # an existing folder that everybody may read
    file = SimpleNamespace(numero=7, content=b"000", attempts=(SimpleNamespace(mail=b"Subject: x"),))
    send._copy(folder, [SimpleNamespace(file=file)])
    inbox._copy(folder, [SimpleNamespace(nature="NOEMIE", reference="../580", id="0123456789", raw=b"mail")])
    found = {p.name: mode(p) for p in folder.iterdir()}
    assert found == {"000007.b2": 0o600, "000007.eml": 0o600, "NOEMIE-580-01234567.eml": 0o600}
