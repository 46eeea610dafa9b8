"""What the printed documents share: an A4 page, its fonts, the SIMULATION mark."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime

from fpdf import FPDF

MARGIN_MM = 18
_TOP_MM = 18
GREY, BLACK, RED = (110, 110, 110), (20, 20, 20), (190, 30, 30)


class Page(FPDF):  # type: ignore[misc]  # fpdf2 is not typed
    """A4 sheets: each one says whether it is a simulation, what it is, and which page of how many."""

    simulation = False
    name = ""

    def header(self) -> None:
        if self.simulation:
            _simulation(self)
        self.set_y(_TOP_MM)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("Helvetica", "", 8)
        self.set_text_color(*GREY)
        self.cell(0, 5, text(f"{self.name} · page {self.page_no()} sur {{nb}}"), align="C")
        self.set_text_color(*BLACK)


def new_page(title: str, day: date, *, simulation: bool, name: str = "") -> Page:
    """An A4 page; dated by the document, so that the same document has the same bytes. `name` stands at the foot of each page."""
    pdf = Page(orientation="portrait", unit="mm", format="A4")
    pdf.simulation, pdf.name = simulation, name or title
    pdf.core_fonts_encoding = "windows-1252"
    pdf.set_title(title)
    pdf.set_lang("fr-FR")
    pdf.set_creation_date(datetime(day.year, day.month, day.day, tzinfo=UTC))
    pdf.set_margins(MARGIN_MM, _TOP_MM, MARGIN_MM)
    pdf.set_auto_page_break(auto=True, margin=22)
    pdf.add_page()
    return pdf


def text(value: str) -> str:
    """What the built-in fonts can print: letters beyond Windows-1252 lose their accent, others become "?"."""
    try:
        value.encode("cp1252")
        return value
    except UnicodeEncodeError:
        return "".join(_char(c) for c in value)


def _char(char: str) -> str:
    for form in (char, unicodedata.normalize("NFKD", char)):
        kept = "".join(c for c in form if not unicodedata.combining(c))
        try:
            kept.encode("cp1252")
            return kept
        except UnicodeEncodeError:
            continue
    return {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}.get(char, "?")


def _simulation(pdf: FPDF) -> None:
    """A banner and a pale diagonal word: nobody may take this for a real document."""
    pdf.set_font("Helvetica", "B", 88)
    pdf.set_text_color(246, 226, 226)
    with pdf.rotation(52, x=105, y=170):
        pdf.text(x=8, y=180, text="SIMULATION")
    pdf.set_fill_color(*RED)
    pdf.set_text_color(255, 255, 255)
    pdf.set_font("Helvetica", "B", 10)
    pdf.set_xy(0, 0)
    pdf.cell(210, 9, "SIMULATION SV-SIM 1 : document sans valeur, personnes fictives", align="C", fill=True)
    pdf.set_text_color(*BLACK)


def rule(pdf: FPDF) -> None:
    pdf.set_draw_color(*GREY)
    pdf.set_line_width(0.2)
    y = pdf.get_y() + 1
    pdf.line(MARGIN_MM, y, 210 - MARGIN_MM, y)
    pdf.set_y(y + 2)
