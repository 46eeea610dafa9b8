"""The patient's receipt, one A4 page; marked SIMULATION when the bill is one."""

from __future__ import annotations

from tournee.billing import Bill, Evaluation, Line
from tournee.billing.dates import fr
from tournee.billing.money import coefficient, euros
from tournee.cli.documents.page import BLACK, GREY, MARGIN_MM, RED, Page, new_page, rule, text

_COLUMNS = (
    ("Acte", 82, "L"),
    ("Date", 22, "L"),
    ("Qté", 11, "R"),
    ("Montant", 23, "R"),
    ("Taux", 14, "R"),
    ("AMO", 22, "R"),
)
_LINE_MM = 10.4
_COMPLEMENTS = {"N": "majoration de nuit", "F": "majoration de dimanche ou jour férié"}
_NOT_FOR_THE_PATIENT = ("REPONSE_SANS_OBJET", "A_FOURNIR")
_MODES = {
    "aucun": "Pas de tiers payant : vous réglez le total, votre caisse vous rembourse.",
    "amo": "Tiers payant sur la part obligatoire : vous réglez le reste.",
    "amo_amc": "Tiers payant sur les parts obligatoire et complémentaire.",
    "c2s": "Complémentaire santé solidaire : dispense totale d'avance de frais.",
}


def receipt_pdf(bill: Bill, evaluation: Evaluation, *, void: str = "") -> bytes:
    """The PDF's bytes; the same bill gives the same bytes. Amounts are those of the evaluation; `void`: why the bill no longer
    holds, said in red.
    """
    day = evaluation.lines[0].date if evaluation.lines else bill.created
    pdf = new_page("Reçu de soins", day, simulation=bill.simulation, name=f"Reçu de soins, {_number(bill)}")
    _head(pdf, bill, evaluation, void)
    _people(pdf, bill)
    _lines(pdf, evaluation)
    _totals(pdf, evaluation)
    _notes(pdf, bill, evaluation)
    return bytes(pdf.output())


def _head(pdf: Page, bill: Bill, evaluation: Evaluation, void: str) -> None:
    pdf.set_font("Helvetica", "B", 20)
    pdf.cell(0, 11, text("Reçu de soins"), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "", 10)
    pdf.set_text_color(*GREY)
    number = _number(bill).capitalize()
    if bill.corrects_numero:
        number += f", remplace la facture n° {bill.corrects_numero:09d}"
    pdf.cell(0, 6, text(f"{number} · établi le {fr(bill.created)}"), new_x="LMARGIN", new_y="NEXT")
    wrong = void or ("Facture incomplète : montants provisoires" if evaluation.status != "valid" else "")
    if wrong:
        pdf.set_text_color(*RED)
        pdf.cell(0, 6, text(wrong), new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*BLACK)
    pdf.ln(2)


def _number(bill: Bill) -> str:
    return f"facture n° {bill.numero_facture:09d}" if bill.numero_facture else "brouillon, non signé"


def _people(pdf: Page, bill: Bill) -> None:
    top, s, p = pdf.get_y(), bill.situation, bill.praticien
    person = bill.beneficiaire
    left = [
        ("Professionnel de santé", "B"),
        (f"{p.prenom} {p.nom}".strip() or s.raison_sociale, ""),
        (s.raison_sociale if p.nom else "", ""),
        (f"N° de facturation {s.numero_facturation} {s.cle_facturation}", ""),
    ]
    right = [("Patient", "B")]
    if person is not None:
        born = person.naissance
        right += [
            (f"{person.prenom} {person.nom}", ""),
            (f"né(e) le {born[6:8]}/{born[4:6]}/{born[:4]}" if len(born) >= 8 else "", ""),
        ]
    bottom = top
    for x, column in ((MARGIN_MM, left), (112, right)):
        pdf.set_xy(x, top)
        for words, style in column:
            if not words:
                continue
            pdf.set_font("Helvetica", style, 10)
            pdf.set_x(x)
            pdf.cell(84, 5.4, text(words), new_x="LEFT", new_y="NEXT")
        bottom = max(bottom, pdf.get_y())
    pdf.set_y(bottom + 3)
    pdf.set_x(MARGIN_MM)


def _lines(pdf: Page, evaluation: Evaluation) -> None:
    rule(pdf)
    _titles(pdf)
    for line in evaluation.lines:
        if pdf.will_page_break(_LINE_MM):
            pdf.add_page()
            _titles(pdf)
        _line(pdf, line)
    rule(pdf)


def _titles(pdf: Page) -> None:
    pdf.set_font("Helvetica", "B", 9)
    pdf.set_text_color(*GREY)
    for title, width, align in _COLUMNS:
        pdf.cell(width, 6, text(title), align=align)
    pdf.ln(6)
    pdf.set_text_color(*BLACK)


def _line(pdf: Page, line: Line) -> None:
    code = line.code
    if line.coefficient_centiemes != 100:
        code += f" {coefficient(line.coefficient_centiemes)}"
    values = (
        code,
        fr(line.date),
        str(line.quantite),
        euros(line.montant_cents),
        f"{line.taux} %",
        euros(line.amo_cents),
    )
    pdf.set_font("Helvetica", "", 10)
    for value, (_, width, align) in zip(values, _COLUMNS, strict=True):
        pdf.cell(width, 5.6, text(value), align=align)
    pdf.ln(5.4)
    pdf.set_font("Helvetica", "", 8)
    pdf.set_text_color(*GREY)
    details = line.libelle
    if line.majoration_cents:
        details += f" · dont {_COMPLEMENTS.get(line.complement, 'majoration')} {euros(line.majoration_cents)}"
    if line.depassement_cents:
        details += f" · dont dépassement {euros(line.depassement_cents)}"
    pdf.multi_cell(110, 4, text(details), new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*BLACK)
    pdf.ln(1)


def _totals(pdf: Page, evaluation: Evaluation) -> None:
    if pdf.will_page_break(40):
        pdf.add_page()
    t = evaluation.totals
    rows = [("Total des soins", t.montant_cents, False), ("Part de l'assurance maladie (AMO)", t.amo_cents, False)]
    if t.amc_cents:
        rows.append(("Part de la complémentaire (AMC)", t.amc_cents, False))
    rows += [("Reste au patient", t.patient_cents, False), ("À régler aujourd'hui", t.a_regler_cents, True)]
    for label, cents, strong in rows:
        pdf.set_font("Helvetica", "B" if strong else "", 13 if strong else 10)
        height = 9 if strong else 6
        pdf.cell(128, height, text(label), align="R")
        pdf.cell(46, height, text(euros(cents)), align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(3)


def _notes(pdf: Page, bill: Bill, evaluation: Evaluation) -> None:
    notes = [_MODES.get(evaluation.contexte.tiers_payant, "")]
    notes += [i.text for i in evaluation.informations if i.kind == "information" and i.code not in _NOT_FOR_THE_PATIENT]
    if evaluation.contexte.mode == "degrade":
        notes.append("Facture établie sans carte Vitale : une feuille de soins papier est jointe.")
    notes.append(
        "Ce reçu n'est pas une feuille de soins : gardez-le, la télétransmission tient lieu de feuille papier."
    )
    pdf.set_font("Helvetica", "", 9)
    pdf.set_text_color(*GREY)
    for note in notes:
        if note:
            pdf.multi_cell(0, 5, text(note), new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*BLACK)
