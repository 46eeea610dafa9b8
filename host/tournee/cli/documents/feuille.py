"""The paper sheet that must follow a degraded invoice: our own layout, one A4 page, to be signed by hand."""

from __future__ import annotations

from tournee.billing import Bill, Evaluation, Line, Rights
from tournee.billing.dates import fr
from tournee.billing.money import coefficient, euros
from tournee.billing.tables import tables
from tournee.cli.documents.page import BLACK, GREY, MARGIN_MM, Page, new_page, rule, text

_WIDTH = 210 - 2 * MARGIN_MM
_COLUMNS = (("Date", 24), ("Acte", 34), ("Qté", 12), ("Montant", 28), ("Dépassement", 28), ("Base", 24), ("Taux", 24))
_NATURES = {
    "maladie": "Maladie",
    "maternite": "Maternité",
    "at": "Accident du travail ou maladie professionnelle",
    "smg": "SMG",
}


def feuille_pdf(bill: Bill, evaluation: Evaluation, rights: Rights) -> bytes:
    """The PDF's bytes; the same bill gives the same bytes. `rights` as completed by what was typed."""
    day = evaluation.lines[0].date if evaluation.lines else bill.created
    number = f"pièce jointe à la facture n° {bill.numero_facture:09d}" if bill.numero_facture else "facture non signée"
    pdf = new_page("Feuille de soins", day, simulation=bill.simulation, name=f"Feuille de soins, {number}")
    pdf.set_font("Helvetica", "B", 18)
    pdf.cell(0, 10, text("Feuille de soins"), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "", 9)
    pdf.set_text_color(*GREY)
    pdf.cell(0, 5, text(f"Présentation propre à Tournée, {number}"), new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*BLACK)
    _patient(pdf, bill, rights)
    _context(pdf, bill, evaluation)
    _acts(pdf, evaluation)
    _payment(pdf, evaluation)
    _signatures(pdf, bill)
    return bytes(pdf.output())


def _section(pdf: Page, title: str) -> None:
    pdf.ln(2)
    pdf.set_font("Helvetica", "B", 10)
    pdf.cell(0, 6, text(title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "", 10)


def _fields(pdf: Page, rows: list[tuple[str, str]]) -> None:
    for label, value in rows:
        if not value:
            continue
        pdf.set_text_color(*GREY)
        pdf.cell(58, 5.6, text(label))
        pdf.set_text_color(*BLACK)
        pdf.cell(_WIDTH - 58, 5.6, text(value), new_x="LMARGIN", new_y="NEXT")


def _patient(pdf: Page, bill: Bill, rights: Rights) -> None:
    person = bill.beneficiaire
    _section(pdf, "Patient et assuré")
    if person is None:
        return
    born = person.naissance
    _fields(
        pdf,
        [
            ("Patient", f"{person.prenom} {person.nom}"),
            ("Date de naissance", f"{born[6:8]}/{born[4:6]}/{born[:4]}" if len(born) >= 8 else ""),
            ("N° de l'assuré", f"{person.nir_assure} {person.cle_assure}".strip()),
            ("Organisme", f"{rights.regime} {rights.caisse} {rights.centre}".strip()),
            ("Adresse", ", ".join(person.adresse)),
        ],
    )


def _context(pdf: Page, bill: Bill, evaluation: Evaluation) -> None:
    c = evaluation.contexte
    accident = "" if c.accident_tiers is None else "oui" if c.accident_tiers else "non"
    if c.accident_date is not None:
        accident += f", le {fr(c.accident_date)}"
    _section(pdf, "Conditions de prise en charge")
    _fields(
        pdf,
        [
            ("Nature d'assurance", _NATURES.get(c.nature_assurance, "")),
            ("Accident causé par un tiers", accident),
            ("Date de l'accident du travail", fr(c.date_at) if c.date_at else ""),
            ("Date de la maternité", fr(c.date_maternite) if c.date_maternite else ""),
            ("Parcours de soins", _parcours(bill, c.parcours)),
            (
                "Prescripteur",
                f"{c.prescripteur}, le {fr(c.prescription_date)}" if c.prescription_date else c.prescripteur,
            ),
        ],
    )


def _parcours(bill: Bill, letter: str) -> str:
    """The letter with its meaning, and who referred the patient."""
    words = next((c.text for c in tables().parcours_choices if c.value == letter), letter)
    doctor = " ".join(str(bill.value(f"parcours_{x}") or "") for x in ("prenom", "nom")).strip()
    return f"{words} : {doctor}" if doctor else words


def _titles(pdf: Page) -> None:
    pdf.set_font("Helvetica", "B", 9)
    for title, width in _COLUMNS:
        pdf.cell(width, 6, text(title), border=1, align="C")
    pdf.ln(6)
    pdf.set_font("Helvetica", "", 10)


def _acts(pdf: Page, evaluation: Evaluation) -> None:
    _section(pdf, "Actes effectués")
    _titles(pdf)
    for x in evaluation.lines:
        if pdf.will_page_break(6.4):
            pdf.add_page()
            _titles(pdf)
        code = x.code if x.coefficient_centiemes == 100 else f"{x.code} {coefficient(x.coefficient_centiemes)}"
        code += f" {x.complement}" if x.complement else ""
        over = euros(x.depassement_cents) + f" {x.qualificatif}" if x.depassement_cents else x.qualificatif
        cells = (fr(x.date), code, str(x.quantite), euros(x.montant_cents), over, euros(x.base_cents), _rate(x))
        for value, (_, width) in zip(cells, _COLUMNS, strict=True):
            pdf.cell(width, 6.4, text(value), border=1, align="C")
        pdf.ln(6.4)


def _rate(line: Line) -> str:
    return f"{line.taux} % ALD" if line.exoneration == "4" else f"{line.taux} %"


def _payment(pdf: Page, evaluation: Evaluation) -> None:
    t, mode = evaluation.totals, evaluation.contexte.tiers_payant
    _section(pdf, "Paiement")
    _fields(
        pdf,
        [
            ("Montant total", euros(t.montant_cents)),
            ("L'assuré n'a pas payé la part AMO", "oui" if mode in ("amo", "amo_amc", "c2s") else "non"),
            ("L'assuré n'a pas payé la part AMC", "oui" if mode in ("amo_amc", "c2s") else "non"),
            ("Réglé par l'assuré", euros(t.a_regler_cents)),
        ],
    )


def _signatures(pdf: Page, bill: Bill) -> None:
    if pdf.will_page_break(57):
        pdf.add_page()
    rule(pdf)
    p, s = bill.praticien, bill.situation
    top = pdf.get_y() + 2
    for x, title, lines in (
        (
            MARGIN_MM,
            "Professionnel de santé",
            (f"{p.prenom} {p.nom}".strip(), s.raison_sociale, f"N° {s.numero_facturation} {s.cle_facturation}"),
        ),
        (110, "Signature de l'assuré", ()),
    ):
        pdf.set_xy(x, top)
        pdf.set_font("Helvetica", "B", 9)
        pdf.cell(80, 5, text(title), new_x="LEFT", new_y="NEXT")
        pdf.set_font("Helvetica", "", 9)
        for words in filter(None, lines):
            pdf.cell(80, 5, text(words), new_x="LEFT", new_y="NEXT")
        pdf.rect(x, top + 21, 82, 26)
