"""What a question shows and how a line typed at it is understood."""

from __future__ import annotations

from typing import Protocol

from tournee.billing import BadAnswer, Question
from tournee.billing.answers import acts


class Io(Protocol):
    """Where the loop prints and reads; `rich` on a terminal, a script in tests."""

    def show(self, text: str, style: str = "") -> None: ...

    def read(self, prompt: str) -> str:
        """One line; raises EOFError or KeyboardInterrupt."""
        ...


class RichIo:
    """The person's terminal."""

    def __init__(self) -> None:
        from tournee.cli.output import console

        self._console = console()

    def show(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style or None, markup=False)

    def read(self, prompt: str) -> str:
        return self._console.input(prompt, markup=False)


def prompt(question: Question) -> str:
    """What stands before the cursor: the form of the answer, and the one that Enter gives."""
    words = {True: "oui", False: "non"}
    hint = {
        "bool": "oui/non",
        "date": "JJ/MM/AAAA",
        "acts": "code, numéro ou mot (ex. VG, AMI 1,5 + MCI, insuline)",
        "int": "nombre",
    }.get(question.type, "")
    default = question.default
    if default is not None and default != "":
        hint = f"{hint} " if hint else ""
        hint += f"[{words[default] if isinstance(default, bool) else default}]"
    return f"{hint} > " if hint else "> "


def search(question: Question, text: str) -> list[int]:
    """Numbers of the acts whose label holds the words; none when the text is an act by itself."""
    words = text.casefold().split()
    codes = {c.value.partition("#")[0] for c in question.choices}
    try:
        if all(act.code in codes for act in acts(text)):
            return []
    except BadAnswer:
        pass
    if len(text) < 3:
        return []
    return [n for n, c in enumerate(question.choices, 1) if all(w in c.text.casefold() for w in words)]


def chosen(question: Question, text: str) -> str | None:
    """The choice meant by its value or its number; None when the text is neither."""
    if question.type == "acts":
        return (
            question.choices[int(text) - 1].value
            if text.isdigit() and 1 <= int(text) <= len(question.choices)
            else None
        )
    if question.type != "choice":
        return None
    values = [c.value for c in question.choices]
    if text in values and text:
        return text
    if text.isdigit() and 1 <= int(text) <= len(values):
        return values[int(text) - 1]
    if text in ("?", "b", "a"):
        return None
    matching = [v for v in values if v.casefold() == text.casefold() and v]
    return matching[0] if matching else None
