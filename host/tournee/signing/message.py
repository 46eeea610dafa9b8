"""The bytes a card signs: `SVSIM1` + kind + number + SHA-256 of the records. SV-SIM v1 (SIMULATION), docs/ARCHITECTURE.md."""

from __future__ import annotations

from typing import Final, Literal, get_args

Kind = Literal["F", "L"]
KINDS: Final = get_args(Kind)
PROFILE: Final = b"SVSIM1"
MESSAGE_BYTES: Final = 48
NUMERO_MAX: Final = 999_999_999


def message(kind: Kind, numero: int, digest: bytes) -> bytes:
    """48 bytes; `kind` F facture or L lot, `numero` 1 … 999999999, `digest` 32 bytes. Raises ValueError."""
    if kind not in KINDS:
        raise ValueError(f"kind is F or L, not {kind!r}")
    if not 1 <= numero <= NUMERO_MAX:
        raise ValueError("numero is 1 to 999999999")
    if len(digest) != 32:
        raise ValueError(f"digest is 32 bytes, not {len(digest)}")
    return PROFILE + kind.encode() + b"%09d" % numero + digest
