"""Bills to lots to files: records, grouping, counters, refusals."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.b2_cases import JOUR, facture, ligne, signature, signee
from tournee.b2.destinations import DestinationUnknown, destination, numero_destinataire, type_destinataire
from tournee.b2.errors import B2Error, Problem
from tournee.b2.facture import digest, dre, facture_records, signature_records
from tournee.b2.files import fichier_bytes, fichier_records
from tournee.b2.lots import grouper, lot_records, par_fichier
from tournee.b2.model import Complementaire, Facture, FactureSignee, Fichier, Lot
from tournee.b2.plan import plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.records import sv_sim_1 as sv
from tournee.b2.scan import scan
from tournee.b2.twin import decode, encode
from tournee_sim.pytest_plugin import need


def _lot(*factures: FactureSignee, numero: int = 1, type_emetteur: str = "TP") -> Lot:
    return Lot(numero_lot=numero, date_lot=JOUR, factures=factures, type_emetteur=type_emetteur)


def _fichier(*lots: Lot, oct_numero: str = "") -> Fichier:
    return Fichier(identification="F00001", date_creation=JOUR, lots=lots, oct_numero=oct_numero)


def test_visit_is_2_2S_4_4_5_with_totals() -> None:
    records = facture_records(facture())
    assert [type(r).__name__ for r in records] == [
        "EnTeteFacture",
        "SupplementFacture",
        "LigneHonoraires",
        "LigneHonoraires",
        "FinFacture",
    ]
    fin = records[-1]
    assert isinstance(fin, sv.FinFacture)
    assert (fin.total_honoraires, fin.total_amo, fin.participation_assure, fin.nombre_lignes) == (4000, 2800, 1200, 2)
    data = encode(records)
    assert len(data) == 5 * 128 and decode(data) == records
    assert digest(records) == hashlib.sha256(data).digest()


def test_supplement_carries_beneficiary_amc_and_parcours() -> None:
    amc = Complementaire(numero_organisme="99000001", numero_adherent="ADH1", indicateur="22", fin=JOUR)
    bill = facture(complementaire=amc, nir_individuel="2900799123045", cle_nir_individuel="58", parcours="S2")
    entete, supplement = facture_records(bill)[:2]
    assert isinstance(entete, sv.EnTeteFacture) and isinstance(supplement, sv.SupplementFacture)
    assert entete.organisme_complementaire == "99000001"
    assert (supplement.parcours, supplement.parcours_detail, supplement.fin_amc) == ("S", "2", "250115")
    assert supplement.nir_individuel == "2900799123045"


def test_signature_records_give_the_value_back() -> None:
    records = signature_records("991129768", "F", 12, [signature("V", 200)])
    assert [r.part for r in records if isinstance(r, sv.Signature)] == [1, 2, 3, 4]
    assert base64.b64decode("".join(r.valeur for r in records if isinstance(r, sv.Signature))) == bytes([200]) * 256
    with pytest.raises(B2Error) as caught:
        signature_records("991129768", "F", 12, [replace(signature(), value=b"short")])
    assert caught.value.field == "valeur"


def test_lot_counts_signatures_and_sums() -> None:
    records = lot_records(replace(_lot(signee(1), signee(2)), signatures=(signature(),)))
    fin = next(r for r in records if isinstance(r, sv.FinLot))
    assert (fin.nombre_factures, fin.nombre_actes, fin.total_facture, fin.total_amo) == (2, 4, 8000, 5600)
    assert fin.nombre_enregistrements == 1 + 2 * (5 + 8) + 1 == records.index(fin) + 1
    assert [r.objet for r in records[-4:] if isinstance(r, sv.Signature)] == ["L"] * 4


def test_file_counters() -> None:
    records = fichier_records(_fichier(_lot(signee(1)), _lot(signee(2), numero=2)))
    debut, fin = records[0], records[-1]
    assert isinstance(debut, sv.DebutFichier) and isinstance(fin, sv.FinFichier)
    assert (fin.nombre_enregistrements, fin.nombre_lots) == (len(records), 2)
    assert (debut.type_destinataire, debut.numero_destinataire) == ("CT", "00000001000991")
    assert debut.zone_message == "SIMULATION SV-SIM 1"
    data = fichier_bytes(_fichier(_lot(signee(1)), _lot(signee(2), numero=2)))
    assert len(data) == 128 * len(records) and data.isascii() and b"\n" not in data


def test_five_bills_four_patients_two_funds_make_two_files() -> None:
    other = {"nir_assure": "2900799123045", "cle_nir": "58"}
    bills = [
        signee(1),
        signee(2, caisse="992"),
        signee(3, **other),
        signee(4, caisse="992", rang_naissance=2),
        signee(5),
    ]
    groups = grouper(bills)
    assert [[s.facture.numero_facture for s in g.factures] for g in groups] == [[1, 3, 5], [2, 4]]
    assert [g.raison for g in groups] == ["", "destination"]
    files = par_fichier(groups)
    assert [[g.destination.organisme_destinataire for g in f] for f in files] == [["991"], ["992"]]


@pytest.mark.parametrize(
    ("changes", "raison"),
    [
        ({"nature_assurance": "41"}, "nature_at"),
        ({"situation": 2}, "situation"),
        ({"type_flux": "R"}, "type_flux"),
        ({"type_facture": "D"}, "type_facture"),
        ({"caisse": "992"}, "destination"),
        ({"numero_emetteur": "991068040"}, "numero_emetteur"),
    ],
)
def test_each_rule_breaks_a_lot(changes: dict[str, str], raison: str) -> None:
    first, second = grouper([signee(1), signee(2, **changes)])
    assert second.raison == raison
    with pytest.raises(B2Error) as caught:
        lot_records(_lot(signee(1), signee(2, **changes)))
    assert (caught.value.problem, caught.value.field) == (Problem.ORDER, raison)
    assert len(first.factures) == 1


def test_maximum_starts_another_lot_and_nature_at_shares_the_file() -> None:
    groups = grouper([signee(n) for n in range(1, 46)])
    assert [len(g.factures) for g in groups] == [20, 20, 5]
    assert [g.raison for g in groups] == ["", "maximum", "maximum"]
    assert len(par_fichier(grouper([signee(1), signee(2, nature_assurance="41")]))) == 1
    with pytest.raises(B2Error, match="20 au plus"):
        lot_records(_lot(*(signee(n) for n in range(1, 22))))


def test_oct_file_takes_any_destination() -> None:
    lots = (_lot(signee(1)), _lot(signee(2, regime="02", caisse="992"), numero=2))
    assert len(par_fichier(grouper([s for lot in lots for s in lot.factures]), via_oct=True)) == 1
    debut = fichier_records(_fichier(*lots, oct_numero="775666316"))[0]
    assert isinstance(debut, sv.DebutFichier)
    assert (debut.type_destinataire, debut.application, debut.numero_destinataire) == ("OT", "TO", "775666316")
    with pytest.raises(B2Error) as caught:
        fichier_records(_fichier(*lots))
    assert caught.value.field == "destination"


def test_oct_file_repeats_the_emetteur_of_its_lots_and_is_free_in_its_message() -> None:
    made = Fichier(
        identification="F00001",
        date_creation=JOUR,
        lots=(_lot(signee(1), type_emetteur="TE"), _lot(signee(2), numero=2, type_emetteur="TE")),
        type_emetteur="TE",
        oct_numero="775666316",
        zone_message="ENVOI DU MERCREDI",
    )
    records = fichier_records(made, deja={"F00000"})
    heads = [r for r in records if isinstance(r, sv.EnTeteLot)]
    debut = records[0]
    assert isinstance(debut, sv.DebutFichier)
    assert {(debut.type_emetteur, debut.numero_emetteur)} == {(h.type_emetteur, h.numero_emetteur) for h in heads}
    assert debut.zone_message == "ENVOI DU MERCREDI"
    assert scan(fichier_bytes(made))["1"] == 2
    for changes, field in (
        ({"type_emetteur": "TP"}, "type_emetteur"),
        ({"oct_numero": "7756663 6"}, "numero_destinataire"),
        ({"lots": (_lot(signee(1)), made.lots[1])}, "type_emetteur"),
        (
            {"lots": (made.lots[0], _lot(signee(2, numero_emetteur="991068040"), numero=2, type_emetteur="TE"))},
            "numero_emetteur",
        ),
    ):
        with pytest.raises(B2Error) as caught:
            fichier_records(replace(made, **changes))
        assert caught.value.field == field
    with pytest.raises(B2Error) as again:
        fichier_records(made, deja={"F00001"})
    assert again.value.field == "identification_fichier"


def test_an_emetteur_that_differs_between_lot_and_file_is_found_in_the_bytes() -> None:
    data = bytearray(fichier_bytes(_fichier(_lot(signee(1)))))
    data[128 + 14 : 128 + 16] = b"TE"
    with pytest.raises(B2Error) as caught:
        scan(bytes(data))
    assert caught.value.key == ("mismatch", 2, "1", "type_emetteur", 15)


_AMC = Complementaire(numero_organisme="99000001", numero_adherent="ADH0000001", indicateur="22")


def _fse(numero: int, **changes: Any) -> Facture:
    lignes = (ligne(montant_amc_cents=900), ligne("MD", 1000, 700, montant_amc_cents=300))
    return facture(numero, **({"complementaire": _AMC, "lignes": lignes, "tiers_payant": 2} | changes))


def _signee(bill: Facture) -> FactureSignee:
    return FactureSignee(bill, (signature("C", 1),))


def test_a_dre_has_a_lot_and_a_file_of_its_own_for_the_organisme_complementaire() -> None:
    """Gestion séparée: the FSE to the caisse, its DRE to the AMC, whatever the caisse of the patient."""
    other = _fse(2, destination=destination("02", "992", "0345"))
    bills = [_fse(1), dre(_fse(1), 11), other, dre(other, 12)]
    groups = grouper([_signee(b) for b in bills])
    assert [[s.facture.numero_facture for s in g.factures] for g in groups] == [[1], [11, 12], [2]]
    assert len(par_fichier(groups)) == 3 and len(par_fichier(groups, via_oct=True)) == 1
    made = _fichier(_lot(*groups[1].factures))
    debut, entete = fichier_records(made)[:2]
    assert isinstance(debut, sv.DebutFichier) and isinstance(entete, sv.EnTeteLot)
    assert (debut.type_destinataire, debut.numero_destinataire) == ("OC", "99000001")
    assert (entete.type_lot, entete.organisme_complementaire, entete.regime) == ("D", "99000001", "00")
    assert scan(fichier_bytes(made))["2"] == 2
    fin = next(r for r in fichier_records(made) if isinstance(r, sv.FinLot))
    assert fin.total_amc == 2 * 1200
    with pytest.raises(B2Error) as caught:
        fichier_records(_fichier(_lot(*groups[1].factures), _lot(*groups[0].factures, numero=2)))
    assert caught.value.field == "destination"
    mixed = fichier_records(_fichier(_lot(*groups[1].factures), _lot(*groups[0].factures), oct_numero="775666316"))
    assert [r.type_lot for r in mixed if isinstance(r, sv.EnTeteLot)] == [
        "D",
        "F",
    ]  # one number each: FSE and DRE apart


@pytest.mark.parametrize(
    ("changes", "problem", "field"),
    [
        ({"complementaire": None}, Problem.MISSING, "organisme_complementaire"),
        ({"complementaire": replace(_AMC, type_contrat="99")}, Problem.VALUE, "type_contrat"),
        ({"lignes": (ligne(),)}, Problem.TOTAL, "total_amc"),
    ],
)
def test_a_dre_that_nobody_could_pay_is_refused(changes: dict[str, Any], problem: Problem, field: str) -> None:
    with pytest.raises(B2Error) as caught:
        facture_records(dre(_fse(1, **changes), 11))
    assert (caught.value.problem, caught.value.field) == (problem, field) and caught.value.remedy
    facture_records(_fse(1, **changes))


def test_refusals_name_the_place() -> None:
    cases: list[tuple[Facture, str]] = [
        (facture(lignes=()), "4"),
        (facture(lignes=(ligne(amo=3001),)), "4"),
    ]
    for bill, record_type in cases:
        with pytest.raises(B2Error) as caught:
            facture_records(bill)
        assert caught.value.record_type == record_type and caught.value.remedy
    with pytest.raises(B2Error) as twice:
        grouper([signee(1), signee(1)])
    assert twice.value.problem is Problem.DUPLICATE
    with pytest.raises(B2Error) as lots:
        fichier_records(_fichier(_lot(signee(1)), _lot(signee(2))))
    assert lots.value.problem is Problem.DUPLICATE
    with pytest.raises(B2Error) as named:
        fichier_records(_fichier(_lot(signee(1))), deja={"F00001"})
    assert named.value.field == "identification_fichier"
    with pytest.raises(B2Error) as number:
        lot_records(_lot(signee(1), numero=1000))
    assert number.value.problem is Problem.COUNT
    with pytest.raises(B2Error) as empty:
        lot_records(_lot())
    assert empty.value.problem is Problem.ORDER


@pytest.mark.parametrize("twin", ["python", "c"])
def test_an_error_holds_the_value_at_fault_unless_it_is_personal(twin: str) -> None:
    if twin == "c":
        need("ctwin")
        from tournee.b2.ctwin import CCodec

        codec: Any = CCodec(plan("sv-sim-1"))
    else:
        codec = PyCodec(plan("sv-sim-1"))
    line = next(r for r in facture_records(facture()) if isinstance(r, sv.LigneHonoraires))
    for changes, value in (
        ({"montant_amo": 10**9}, str(10**9)),
        ({"code_acte": "ABCDEFGH"}, "ABCDEFGH"),
        ({"code_acte": "x" * 99}, "x" * 40),
        ({"code_acte": None}, None),
        ({"nir_assure": "1850599006084X"}, None),
    ):
        with pytest.raises(B2Error) as caught:
            codec.encode([line._replace(**changes)])
        assert caught.value.value == value
        assert value is None or value not in str(caught.value)
    data = bytearray(codec.encode([line]))
    data[107] = ord("x")
    with pytest.raises(B2Error) as read:
        codec.decode(bytes(data))
    assert read.value.key == ("characters", 1, "4", "montant_amo", 108) and read.value.value == "x002100"


def test_no_personal_value_in_an_error() -> None:
    with pytest.raises(B2Error) as caught:
        encode(facture_records(facture(nir_assure="185059900608é")))
    assert caught.value.key == ("characters", 1, "2", "nir_assure", 12)
    assert "18505" not in str(caught.value) + repr(caught.value) + caught.value.remedy


@pytest.mark.parametrize(
    ("regime", "caisse", "centre", "organisme"),
    [
        ("01", "751", "0000", "751"),
        ("02", "755", "0000", "751"),
        ("02", "992", "0000", "992"),
        ("04", "991", "0000", "110"),
        ("12", "991", "0000", "001"),
        ("91", "751", "0501", "999"),
        ("91", "751", "0502", "751"),
        ("93", "781", "0123", "123"),
        ("94", "751", "0511", "514"),
        ("95", "911", "0000", "751"),
        ("96", "991", "0000", "991"),
    ],
)
def test_public_destination_rules(regime: str, caisse: str, centre: str, organisme: str) -> None:
    assert destination(regime, caisse, centre).organisme_destinataire == organisme


def test_destination_table_wins_and_unknown_is_said() -> None:
    row = replace(destination("01", "991", "*"), organisme_destinataire="777", centre_informatique="016")
    made = destination("01", "991", "0345", [row])
    assert (made.organisme_destinataire, made.centre_informatique, made.centre) == ("777", "016", "0345")
    assert numero_destinataire(made) == "00000001016777"
    assert destination("01", "999").centre_informatique == "999"
    for regime in ("03", "99", "55"):
        with pytest.raises(DestinationUnknown) as caught:
            destination(regime, "991")
        assert regime in caught.value.what and caught.value.remedy
    with pytest.raises(DestinationUnknown):
        type_destinataire("55")


@pytest.mark.parametrize(
    ("caisse", "centre"), [("", "0000"), ("1", "0000"), ("7511", "0000"), ("٧٥١", "0000"), ("781", "5")]
)
def test_a_code_that_is_none_names_its_length(caisse: str, centre: str) -> None:
    with pytest.raises(DestinationUnknown) as caught:
        destination("93" if centre == "5" else "01", caisse, centre)
    assert "chiffres" in caught.value.remedy
