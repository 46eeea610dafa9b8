"""What a reject code means and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from tournee_protocol.rejets import CodeRejet, codes


@dataclass(frozen=True)
class Explication:
    """Advice on a code; `connu` False: the code is not in the table and the advice is general."""

    code: str
    libelle: str
    a_faire: str
    renvoyer: bool  # may the invoice be corrected and sent again
    connu: bool
    simulation: bool


def expliquer(code: str) -> Explication:
    """Advice for `code` ("0250-050", "0250050", or "0250" when one row begins so); always an answer."""
    wanted = "".join(c for c in code.upper() if c.isalnum())
    exact = [row for row in codes().values() if row.plain == wanted]
    begins = [row for row in codes().values() if len(wanted) == 4 and row.plain.startswith(wanted)]
    if exact or len(begins) == 1:
        return _known((exact or begins)[0])
    return Explication(
        code,
        "Motif non répertorié",
        "Lisez le libellé de la caisse ; en cas de doute, appelez-la avec le numéro de facture.",
        renvoyer=True,
        connu=False,
        simulation=False,
    )


def _known(row: CodeRejet) -> Explication:
    return Explication(row.code, row.libelle, row.a_faire, row.renvoyer, connu=True, simulation=row.simulation)
