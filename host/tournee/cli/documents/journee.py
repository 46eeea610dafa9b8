"""The day's summary for the practitioner: bills, totals by code and by payer; holds names, stays with the practitioner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tournee.billing import Bill, Evaluation
from tournee.billing.dates import fr
from tournee.billing.money import euros
from tournee.cli.documents.page import BLACK, GREY, Page, new_page, rule, text


@dataclass(frozen=True)
class Entry:
    """One bill of the day with its state in words; only what `counts` stands in the totals (no draft, nothing cancelled)."""

    bill: Bill
    evaluation: Evaluation
    state: str
    counts: bool = True


_BILLS = (("N°", 26, "L"), ("Patient", 60, "L"), ("État", 34, "L"), ("Montant", 27, "R"), ("À régler", 27, "R"))


def journee_pdf(day: date, entries: Sequence[Entry]) -> bytes:
    """The PDF's bytes; the same bills give the same bytes."""
    simulation = any(e.bill.simulation for e in entries)
    pdf = new_page("Récapitulatif de la journée", day, simulation=simulation, name=f"Journée du {fr(day)}")
    pdf.set_font("Helvetica", "B", 18)
    pdf.cell(0, 10, text(f"Journée du {fr(day)}"), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "", 10)
    pdf.set_text_color(*GREY)
    counted = [e for e in entries if e.counts]
    pdf.cell(0, 6, text(_count(len(entries), len(entries) - len(counted))), new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*BLACK)
    if entries:
        _table(pdf, "Factures", _BILLS, [_bill_row(e) for e in entries])
    if counted:
        _table(pdf, "Par acte", (("Acte", 60, "L"), ("Nombre", 30, "R"), ("Montant", 40, "R")), by_code(counted))
        _table(pdf, "Par payeur", (("Payeur", 90, "L"), ("Montant", 40, "R")), by_payer(counted))
    return bytes(pdf.output())


def _count(bills: int, left_out: int) -> str:
    if not bills:
        return "Aucune facture ce jour-là."
    words = f"{bills} facture{'s' if bills > 1 else ''}"
    if left_out:
        many = "s" if left_out > 1 else ""
        words += f", dont {left_out} hors des totaux (brouillon{many}, annulée{many} ou corrigée{many})"
    return words


def _bill_row(e: Entry) -> tuple[str, ...]:
    person = e.bill.beneficiaire
    return (
        f"{e.bill.numero_facture:09d}" if e.bill.numero_facture else "brouillon",
        f"{person.prenom} {person.nom}" if person else "",
        e.state,
        euros(e.evaluation.totals.montant_cents),
        euros(e.evaluation.totals.a_regler_cents),
    )


def by_code(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """(code, number, amount), dearest first."""
    found: dict[str, list[int]] = {}
    for entry in entries:
        for x in entry.evaluation.lines:
            cell = found.setdefault(x.code, [0, 0])
            cell[0] += x.quantite
            cell[1] += x.montant_cents
    ordered = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
    return [(code, str(count), euros(cents)) for code, (count, cents) in ordered]


def by_payer(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Who pays the practitioner: the patient today, the funds later; the sum is the day's total."""
    amo = amc = patient = 0
    for entry in entries:
        t, mode = entry.evaluation.totals, entry.evaluation.contexte.tiers_payant
        patient += t.a_regler_cents
        amo += t.amo_cents if mode in ("amo", "amo_amc", "c2s") else 0
        amc += t.amc_cents if mode in ("amo_amc", "c2s") else 0
    return [
        ("Patients, ce jour", euros(patient)),
        ("Assurance maladie (tiers payant AMO)", euros(amo)),
        ("Complémentaires (tiers payant AMC)", euros(amc)),
        ("Total", euros(patient + amo + amc)),
    ]


def _table(pdf: Page, title: str, columns: Sequence[tuple[str, int, str]], rows: Sequence[tuple[str, ...]]) -> None:
    pdf.ln(3)
    if pdf.will_page_break(25):
        pdf.add_page()
    _titles(pdf, title, columns)
    for row in rows:
        if pdf.will_page_break(6):
            pdf.add_page()
            _titles(pdf, f"{title} (suite)", columns)
        for value, (_, width, align) in zip(row, columns, strict=True):
            shown = text(value)
            while pdf.get_string_width(shown) > width - 2 and len(shown) > 4:
                shown = shown[:-2] + "…"
            pdf.cell(width, 6, shown, align=align)
        pdf.ln(6)
    rule(pdf)


def _titles(pdf: Page, title: str, columns: Sequence[tuple[str, int, str]]) -> None:
    pdf.set_font("Helvetica", "B", 11)
    pdf.cell(0, 7, text(title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "B", 9)
    pdf.set_text_color(*GREY)
    for name, width, align in columns:
        pdf.cell(width, 6, text(name), align=align)
    pdf.ln(6)
    pdf.set_text_color(*BLACK)
    pdf.set_font("Helvetica", "", 10)
