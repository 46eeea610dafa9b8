"""Rules and amounts without a citable public source (data/manques.toml): the bill that needs one says so."""

from __future__ import annotations

from tournee.billing.work import Work


def missing(w: Work, path: str, nom: str, **words: str) -> None:
    """A rule or amount without a citable public source (row `nom` of manques.toml): the bill says so and stops there."""
    row = w.tables.manques[nom]
    what = str(row.data["texte"]).format(**words)
    w.fault(
        "REGLE_SANS_SOURCE",
        path,
        f"Tournée ne connaît pas de source publique pour {what}.",
        "facturez cet acte avec un autre logiciel ou une feuille de soins papier",
    )
    w.trace("REGLE_SANS_SOURCE", f"{what} : {row.source}", (row.id,))


def told(w: Work, code: str, nom: str, **words: str) -> None:
    """The row `nom` as an information, once a bill: it is priced without that rule."""
    row = w.tables.manques[nom]
    text = str(row.data["texte"]).format(**words)
    if all(i.text != text for i in w.informations):
        w.inform(code, text)
        w.trace(code, f"{text} ({row.source})", (row.id,))
