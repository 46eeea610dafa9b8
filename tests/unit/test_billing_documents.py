"""The receipt: what stands on it, marked SIMULATION, the same bill gives the same bytes."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

from tests.unit.billing_cases import DAY, bill, rights
from tournee.billing import Praticien, evaluate, settle
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
