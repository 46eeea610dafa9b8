"""Read a return mail: ARL (SV-SIM), NOEMIE (580, 576, 900 …), ART text; gzip or plain; what is unknown is kept and said.

Sources: NOEMIE entities [IMPL ALC]; one `application/edi-consent` part, base64, perhaps gzip [IMPL ALC]; ART [SPEC S001 §7.2];
the ARL's layout is not public: SV-SIM v1.
"""

from __future__ import annotations

from tournee.transmit.model import CleArl, Retour


def read(raw: bytes) -> Retour:
    """A mail as fetched → its Retour. A NOEMIE or ARL that breaks its layout raises ReturnMalformed, a broken mail MailMalformed;
    a readable mail that is no return gives nature INCONNU."""
    raise NotImplementedError


def cle_arl(retour: Retour) -> CleArl:
    """Matching key of an ARL."""
    if retour.arl is None:
        raise ValueError("pas un ARL")
    return CleArl(retour.arl.compostage, retour.arl.identification_fichier)
