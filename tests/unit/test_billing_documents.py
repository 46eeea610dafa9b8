"""The receipt: what stands on it, marked SIMULATION, the same bill gives the same bytes."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, rights
from tournee.billing import Act, Praticien, Rights, completed, evaluate, settle
from tournee.cli.documents.feuille import feuille_pdf
from tournee.cli.documents.journee import Entry, by_code, by_payer, journee_pdf
from tournee.cli.documents.receipt import receipt_pdf


def words(pdf: bytes) -> str:
    """The text of the page, from its content streams."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.S)
    raw = b""
    for stream in streams:
        try:
            raw += zlib.decompress(stream)
        except zlib.error:
            continue
    return b" ".join(re.findall(rb"\((.*?)(?<!\\)\) Tj", raw)).decode("cp1252").replace("\\", "")


def test_receipt_says_what_was_done_and_paid() -> None:
    made = replace(settle(bill(), rights()), numero_facture=123, praticien=Praticien("ŁUKASZEWSKI", "Zoë"))
    pdf = receipt_pdf(made, evaluate(made, rights(), today=DAY))
    page = words(pdf)
    assert pdf.startswith(b"%PDF-")
    for expected in (
        "000000123",
        "Zoë LUKASZEWSKI",
        "ANNE DUPONT",
        "VG",
        "40,00 €",
        "28,00 €",
        "12,00 €",
        "15/01/2025",
    ):
        assert expected in page
    assert "SIMULATION SV-SIM 1" in page
    assert pdf == receipt_pdf(made, evaluate(made, rights(), today=DAY))


def test_only_a_simulation_is_marked_so() -> None:
    made = replace(settle(bill(), rights()), simulation=False)
    assert "SIMULATION" not in words(receipt_pdf(made, evaluate(made, rights(), today=DAY)))


def test_draft_is_named_so() -> None:
    made = settle(bill({"actes": "VG"}), rights())
    page = words(receipt_pdf(made, evaluate(made, rights(), today=DAY)))
    assert "Brouillon" in page and "incomplète" in page


def test_the_receipt_of_a_cancelled_bill_says_so() -> None:
    made = settle(bill(), rights())
    assert "Facture annulée" in words(receipt_pdf(made, evaluate(made, rights(), today=DAY), void="Facture annulée"))


TYPED = {
    "patient_nir": "280029999999906",
    "patient_nom": "DUPONT",
    "patient_prenom": "ANNE",
    "patient_naissance": "19800202",
    "patient_organisme": "019910001",
}


def test_paper_sheet_of_a_degraded_bill() -> None:
    made = bill({**GP_ANSWERS, **TYPED})
    card = completed(made, Rights.none())
    made = settle(made, Rights.none())
    page = words(feuille_pdf(made, evaluate(made, card, today=DAY), card))
    for expected in (
        "Feuille de soins",
        "2800299999999 06",
        "01 991 0001",
        "VG",
        "MD",
        "40,00 €",
        "Signature de l'assuré",
    ):
        assert expected in page
    assert "SIMULATION SV-SIM 1" in page


def test_long_sheet_goes_on_to_a_second_page() -> None:
    acts = [Act("VG", date=DAY.replace(day=n)) for n in range(1, 15)]
    made = settle(bill({**GP_ANSWERS, "actes": acts}), rights())
    result = evaluate(made, rights(), today=DAY)
    for pdf, title in ((feuille_pdf(made, result, rights()), "Dépassement"), (receipt_pdf(made, result), "Taux")):
        pages = len(re.findall(rb"/Type /Page\b", pdf))
        assert pages == 2
        page = words(pdf)
        assert page.count("SIMULATION SV-SIM 1") == page.count(title) == pages, (
            "marked, and its columns named, on each page"
        )
        assert re.search(r"page 1 sur +2 ", page) and re.search(r"page 2 sur +2", page)


def test_the_sheet_says_who_referred_and_what_the_ald_covers() -> None:
    made = settle(
        bill({**GP_ANSWERS, "parcours": "O", "parcours_nom": "MARTIN", "parcours_prenom": "LÉA", "ald.0": True}),
        rights(),
    )
    page = words(feuille_pdf(made, evaluate(made, rights(ald="1"), today=DAY), rights(ald="1")))
    assert "Orienté par le médecin traitant : LÉA MARTIN" in page and "100 % ALD" in page


def test_receipt_says_what_a_night_costs() -> None:
    night = {"lieu": "domicile", "nature_assurance": "maladie", "accident_tiers": False, "tiers_payant": "amo"} | {
        "prescripteur": "991129768", "prescription_date": "2025-01-02", "majoration_imperative": True,
        "actes": [{"code": "AMI", "reference": "injection", "heure": "21:00"}],
    }  # fmt: skip
    made = settle(bill(night, specialite="24"), rights())
    assert "dont majoration de nuit 9,15 €" in words(receipt_pdf(made, evaluate(made, rights(), today=DAY)))


def test_day_summary_adds_up() -> None:
    """Two visits of 40.00, one with, one without third-party payment: 12.00 + 40.00 from patients, 28.00 from the fund."""
    entries = [
        Entry(made, evaluate(made, rights(), today=DAY), "signée")
        for made in (settle(bill({**GP_ANSWERS, "tiers_payant": mode}), rights()) for mode in ("amo", "aucun"))
    ]
    assert by_code(entries) == [("VG", "2", "60,00 €"), ("MD", "2", "20,00 €")]
    assert [row[1] for row in by_payer(entries)] == ["52,00 €", "28,00 €", "0,00 €", "80,00 €"]
    assert "80,00 €" in words(journee_pdf(DAY, entries))
    assert "Aucune facture" in words(journee_pdf(DAY, []))


def test_drafts_and_cancelled_bills_are_listed_but_not_counted() -> None:
    made = settle(bill(), rights())
    entries = [Entry(made, evaluate(made, rights(), today=DAY), "signée")]
    entries.append(Entry(made, entries[0].evaluation, "annulée", counts=False))
    page = words(journee_pdf(DAY, entries))
    assert "2 factures, dont 1 hors des totaux" in page and "annulée" in page and "80,00 €" not in page
    assert "Par payeur" not in words(journee_pdf(DAY, entries[1:]))
