"""Which bills share a lot, which lots share a file, and the records of a lot. Rules: `_lots.toml` of the layouts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tournee.b2.errors import B2Error, Problem
from tournee.b2.facture import aammjj, facture_signee_records, signature_records
from tournee.b2.model import Destination, Facture, FactureSignee, Lot
from tournee.b2.records.sv_sim_1 import EnTeteLot, FinLot, LigneHonoraires, Record
from tournee_protocol.layouts.tables import lot_rules

PROFILE = "sv-sim-1"


@dataclass(frozen=True, slots=True)
class Groupe:
    """Bills for one lot that has no number yet; `raison` says what ended the lot before it (a key of the rules, or `maximum`)."""

    critere: tuple[object, ...]
    factures: tuple[FactureSignee, ...]
    raison: str = ""

    @property
    def destination(self) -> Destination:
        return self.factures[0].facture.destination


def critere(facture: Facture) -> dict[str, object]:
    """Every value that a rule may break or regroup on."""
    return {
        "numero_emetteur": facture.numero_emetteur,
        "situation": facture.situation,
        "type_facture": facture.type_facture,
        "type_flux": facture.type_flux,
        "destination": facture.fichier,
        "nature_at": facture.nature_assurance == "41",
    }


def grouper(factures: Iterable[FactureSignee]) -> list[Groupe]:
    """Groups in order of first arrival, bills in theirs; a full group is followed by another of the same kind.

    Raises B2Error (DUPLICATE) when one PS has two bills with one number.
    """
    rules = lot_rules(PROFILE)
    keys = [row["key"] for row in rules["break_on"]]
    limit = rules["max_factures"]["value"]
    seen: set[tuple[str, int]] = set()
    groups: dict[tuple[object, ...], list[list[FactureSignee]]] = {}
    for signee in factures:
        facture = signee.facture
        if (number := (facture.numero_emetteur, facture.numero_facture)) in seen:
            detail = f"facture {facture.numero_facture} présente deux fois"
            raise B2Error(Problem.DUPLICATE, 0, "2", "numero_facture", 30, detail)
        seen.add(number)
        values = critere(facture)
        lots = groups.setdefault(tuple(values[k] for k in keys), [[]])
        if len(lots[-1]) >= limit:
            lots.append([])
        lots[-1].append(signee)
    made: list[Groupe] = []
    for key, lots in groups.items():
        for i, lot in enumerate(lots):
            made.append(Groupe(key, tuple(lot), "maximum" if i else _raison(keys, made, key)))
    return made


def par_fichier(groupes: Iterable[Groupe], *, via_oct: bool = False) -> list[list[Groupe]]:
    """Groups that may travel in one file, in order of first arrival: one file per destination, or any if an OCT receives."""
    keys = lot_rules(PROFILE)["fichier"]["oct" if via_oct else "direct"]
    files: dict[tuple[object, ...], list[Groupe]] = {}
    for groupe in groupes:
        values = critere(groupe.factures[0].facture)
        files.setdefault(tuple(values[k] for k in keys), []).append(groupe)
    return list(files.values())


def lot_records(lot: Lot) -> list[Record]:
    """Records 1 … 6 and, when the lot is signed, its records 7. `digest(lot_records(replace(lot, signatures=())))` is signed.

    Raises B2Error (ORDER) for an empty lot or one that mixes what the rules keep apart, (COUNT) for a number that does not fit.
    """
    check(lot)
    first = lot.factures[0].facture
    dre = first.type_facture == "D"  # goes to an organisme complémentaire, not to a caisse
    records: list[Record] = [
        EnTeteLot(
            numero_emetteur=first.numero_emetteur,
            type_lot=first.type_facture,
            type_emetteur=lot.type_emetteur,
            nature_at="O" if first.nature_assurance == "41" else "N",
            situation=first.situation,
            organisme_destinataire="000" if dre else first.destination.organisme_destinataire,
            numero_lot=lot.numero_lot,
            centre_informatique="000" if dre else first.destination.centre_informatique,
            regime="00" if dre else first.destination.regime,
            nom_emetteur=first.nom_emetteur,
            date_lot=aammjj(lot.date_lot),
            type_flux=first.type_flux,
            organisme_complementaire=first.fichier[1] if dre else "",
        )
    ]
    for signee in lot.factures:
        records += facture_signee_records(signee)
    factures = [s.facture for s in lot.factures]
    records.append(
        FinLot(
            numero_emetteur=first.numero_emetteur,
            nombre_factures=len(factures),
            nombre_actes=sum(isinstance(r, LigneHonoraires) for r in records),
            nombre_enregistrements=len(records) + 1,
            total_facture=sum(f.total_honoraires_cents for f in factures),
            total_amo=sum(f.total_amo_cents for f in factures),
            total_amc=sum(f.total_amc_cents for f in factures),
            numero_lot=lot.numero_lot,
        )
    )
    return records + signature_records(first.numero_emetteur, "L", lot.numero_lot, lot.signatures)


def check(lot: Lot) -> None:
    """Raises B2Error when the lot breaks a rule of the table."""
    rules = lot_rules(PROFILE)
    if not lot.factures:
        raise B2Error(Problem.ORDER, 0, "1", detail=f"lot {lot.numero_lot} sans facture")
    if not 0 < lot.numero_lot <= rules["numero_max"]:
        raise B2Error(
            Problem.COUNT, 0, "1", "numero_lot", 20, f"{lot.numero_lot} n'est pas entre 1 et {rules['numero_max']}"
        )
    if len(lot.factures) > (limit := rules["max_factures"]["value"]):
        raise B2Error(Problem.COUNT, 0, "6", "nombre_factures", 11, f"{len(lot.factures)} factures, {limit} au plus")
    values = [critere(s.facture) for s in lot.factures]
    for row in rules["break_on"]:
        if len({v[row["key"]] for v in values}) > 1:
            raise B2Error(
                Problem.ORDER, 0, "1", row["key"], detail=f"le lot {lot.numero_lot} mélange plusieurs valeurs"
            )


def _raison(keys: Sequence[str], before: Sequence[Groupe], key: tuple[object, ...]) -> str:
    if not before:
        return ""
    return next(name for name, old, new in zip(keys, before[-1].critere, key, strict=True) if old != new)
