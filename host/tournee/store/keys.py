"""The key of the journal: 32 random bytes, kept in the OS keyring or wrapped by a passphrase (scrypt, AES-256-GCM), never in clear beside it."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tournee.store.errors import NotInitialised, WrongKey
from tournee.store.home import write_private

_SERVICE = "tournee"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1


@dataclass(frozen=True)
class KeyPlace:
    """`kind` is `keyring` or `passphrase`; `device` names the key in the keyring."""

    kind: str
    device: str


def create(path: Path, device: str, passphrase: str | None) -> bytes:
    """A new key; `path` gets what is needed to find it again. With `passphrase` None the OS keyring holds it."""
    key = os.urandom(32)
    record: dict[str, str | int] = {"version": 1, "device": device}
    if passphrase is None:
        import keyring

        keyring.set_password(_SERVICE, device, base64.b64encode(key).decode())
        record["kind"] = "keyring"
    else:
        salt, nonce = os.urandom(16), os.urandom(12)
        wrapped = AESGCM(_derive(passphrase, salt)).encrypt(nonce, key, device.encode())
        record |= {"kind": "passphrase", "salt": salt.hex(), "nonce": nonce.hex(), "wrapped": wrapped.hex()}
    write_private(path, (json.dumps(record, indent=1) + "\n").encode())
    return key


def place(path: Path) -> KeyPlace:
    """Raises NotInitialised."""
    record = _read(path)
    return KeyPlace(str(record["kind"]), str(record["device"]))


def unlock(path: Path, passphrase: str | None) -> bytes:
    """The key. Raises NotInitialised or WrongKey."""
    record = _read(path)
    if record["kind"] == "keyring":
        import keyring

        held = keyring.get_password(_SERVICE, str(record["device"]))
        if held is None:
            raise WrongKey
        return base64.b64decode(held)
    if passphrase is None:
        raise WrongKey
    try:
        kek = _derive(passphrase, bytes.fromhex(str(record["salt"])))
        return AESGCM(kek).decrypt(
            bytes.fromhex(str(record["nonce"])), bytes.fromhex(str(record["wrapped"])), str(record["device"]).encode()
        )
    except (InvalidTag, ValueError):
        raise WrongKey from None


def keyring_works() -> bool:
    """Whether this session has an OS keyring that keeps what it is given."""
    try:
        import keyring
        from keyring.backends import fail

        backend = keyring.get_keyring()
        return not isinstance(backend, fail.Keyring) and backend.priority >= 1
    except Exception:
        return False


def _read(path: Path) -> dict[str, str | int]:
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        raise NotInitialised from None
    if not isinstance(record, dict):
        raise WrongKey
    return record


def _derive(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P).derive(passphrase.encode())
