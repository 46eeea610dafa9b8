"""Runs named steps as scripts and gives their answers by name: what the programs of this room are made of."""

from __future__ import annotations

from collections.abc import Sequence

from tournee.cards.commands import Card, Program, RunScript
from tournee.cards.errors import CardBlocked, CardDataError, CardRefused, NotVerified
from tournee.cards.script import Step, batches, build
from tournee.terminal.model import StepAnswer

OK = 0x9000
SECURITY_STATUS = 0x6982
BLOCKED = 0x6983


class Answers:
    """Answers of one run; a step that was skipped, stopped or quiet has none."""

    def __init__(self, by_name: dict[str, StepAnswer]) -> None:
        self._by_name = by_name

    def sw(self, name: str) -> int | None:
        answer = self._by_name.get(name)
        return answer.sw if answer else None

    def data(self, name: str) -> bytes | None:
        """Data of a step that went well, else None."""
        answer = self._by_name.get(name)
        return answer.data if answer and _good(answer.sw) else None

    def need(self, name: str, what: str) -> bytes:
        """Data of `name`; else raises CardRefused (or NotVerified) for it or for the step that stopped the script before."""
        data = self.data(name)
        if data is not None:
            return data
        bad = self._by_name.get(name) or next((a for a in self._by_name.values() if not _good(a.sw)), None)
        if bad is None:
            raise CardDataError(what, "réponse absente")
        raise refusal(what, bad.sw)


def refusal(what: str, sw: int) -> CardRefused | CardBlocked:
    """The typed error of a status word."""
    if sw == SECURITY_STATUS:
        return NotVerified(what, sw, "Présentez la CPS et son code, puis recommencez.")
    if sw == BLOCKED:
        return CardBlocked()
    return CardRefused(what, sw)


def run(card: Card, steps: Sequence[Step]) -> Program[Answers]:
    """As few scripts as fit; ends early when a STOP step met an error."""
    found: dict[str, StepAnswer] = {}
    for batch in batches(steps):
        answers: Sequence[StepAnswer] = yield RunScript(card, build(batch))
        for answer in answers:
            if answer.step >= len(batch):
                raise CardDataError("script", "réponse à une étape inconnue")
            found[batch[answer.step].name] = answer
        if answers and batch[answers[-1].step].stops and not _good(answers[-1].sw):
            break
    return Answers(found)


def _good(sw: int) -> bool:
    return sw == OK or sw >> 8 == 0x62
