"""Signatures that do not hold."""

from __future__ import annotations

from tournee.errors import RefusedError


class SignatureInvalid(RefusedError):
    code = "signature_invalid"

    def __init__(self, why: str) -> None:
        super().__init__(f"Signature invalide : {why}.", "Refaites signer par la même carte ; ne l'envoyez pas.")
