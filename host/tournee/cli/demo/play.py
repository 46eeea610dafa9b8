"""The story of the demo: which command follows which, what each one showed, and whether the outcome asked for was reached."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tournee.billing.money import euros
from tournee.cli.demo import visits
from tournee.cli.demo.keep import WORLD, Keeper
from tournee.cli.demo.stage import Done, Stage, StageError
from tournee.cli.demo.tell import Teller
from tournee.cli.demo.visits import Visit
from tournee.cli.errors import INTERRUPTED, REFUSED
from tournee.cli.output import json_text
from tournee.errors import TourneeError

PIN_VARIABLE = "TOURNEE_DEMO_PIN"
_SLOT_VITALE = "1"
_ADDRESS = "praticien@medecin.sante.test"
_RETURNS_S = 30
_LOST_S = 2


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    out: Path
    link: str
    board: str
    cps: str
    vitale: str
    day: dt.date | None
    seed: int
    pace: str
    outcome: str
    visits: Path | None


class Play:
    """Runs the story once."""

    def __init__(self, wish: Wish, *, show_commands: bool, quiet: bool, as_json: bool) -> None:
        self._wish = wish
        self._tell = Teller(show_commands=show_commands, quiet=quiet or as_json)
        self._as_json = as_json
        self._bills: list[str] = []

    def run(self) -> int:
        """0: outcome reached; 3: reached, a rejection; 1: not reached; 130: interrupted."""
        wish, begun = self._wish, time.monotonic()
        planned = visits.read(wish.visits) if wish.visits else [Visit(wish.vitale)]
        _emptied(wish.out)
        pin = os.environ.get(PIN_VARIABLE) or f"{secrets.randbelow(10_000):04d}"
        stage = Stage(wish.out / WORLD, self._environment(pin), told=self._tell.command)
        self._tell.title()
        for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
            signal.signal(number, _interrupt)
        status, reason = "failed", ""
        keeper = Keeper(stage, wish.out)
        try:
            status = self._story(stage, keeper, planned)
        except KeyboardInterrupt:
            self._tell.fault("interrompu", "")
            return INTERRUPTED
        except TourneeError as exc:
            reason = exc.what
            self._tell.fault(exc.what, exc.remedy)
        finally:
            stage.close()
        summary = keeper.summary(
            status=status,
            outcome=wish.outcome,
            link=wish.link,
            board=wish.board,
            bills=self._bills,
            begun=begun,
            reason=reason,
        )
        if self._as_json:
            print(json_text(summary))
        else:
            self._tell.end(summary, wish.out)
        reached = _REACHED[wish.outcome] == status
        return (REFUSED if wish.outcome == "rejected" else 0) if reached else 1

    # The acts of the story

    def _story(self, stage: Stage, keeper: Keeper, planned: list[Visit]) -> str:
        wish, tell = self._wish, self._tell
        with tell.step("caisses et terminal simulés") as step:
            fund = stage.start("fund", *self._fund_options())
            stage.environment["TOURNEE_MAIL_PASSWORD"] = str(fund["password"])
            sim = stage.start("terminal", *self._sim_options(planned[0].vitale))
            url = str(sim["url"])
            stage.run("terminal", "use", url)
            info = stage.run("terminal", "info").document
            keeper.info = info
            step.done(f"micropython, {wish.link}, canal {info.get('channel', 'none')}")
        with tell.step("poste configuré, CPS lue, code saisi sur le terminal") as step:
            done = stage.run("init", *self._init_options(fund))
            step.done(f"{done.document['specialite_libelle']}, situation {done.document['situation']}")
        self._first_visit(stage, planned[0])
        for number, visit in enumerate(planned[1:], 2):
            self._next_visit(stage, visit, number, len(planned))
        self._send(stage, len(planned))
        return self._returns(stage, keeper)

    def _first_visit(self, stage: Stage, visit: Visit) -> None:
        """Step by step; the signature is tried too early once, and refused."""
        tell = self._tell
        with tell.step(f"carte Vitale lue ({visit.vitale})") as step:
            vitale = stage.run("read", "vitale").document
            people = vitale.get("beneficiaires", [])
            step.done(f"{len(people)} bénéficiaire{'s' if len(people) > 1 else ''}, droits {_rights(vitale)}")
        answers = self._wish.out / WORLD / "answers-1.json"
        person = {"beneficiaire": str(visit.beneficiaire)}
        _write(answers, person)
        with tell.step("facture incomplète : la signature est refusée") as step:
            draft = stage.run("bill", "new", "--answers", str(answers), ok=(REFUSED,)).document
            refused = stage.run("bill", "sign", draft["bill"], ok=(REFUSED,))
            missing = [q for q in draft["evaluation"]["questions"] if q["required"]]
            step.done(f"{len(missing)} question{'s' if len(missing) > 1 else ''} à répondre ; code {refused.code}")
        _write(answers, {**person, **visit.answers})
        with tell.step("facture par les questions du moteur") as step:
            bill = stage.run("bill", "new", "--resume", draft["bill"], "--answers", str(answers)).document
            step.done(_amounts(bill))
        with tell.step("signée par la CPS et la carte Vitale") as step:
            signed = stage.run("bill", "sign", bill["bill"]).document["bills"][0]
            step.done(f"facture n° {signed['numero_facture']}, signatures {' et '.join(signed['signatures'])}")
        self._bills.append(bill["bill"])

    def _next_visit(self, stage: Stage, visit: Visit, number: int, count: int) -> None:
        with self._tell.step(f"visite {number}/{count} : {visit.vitale}, bénéficiaire {visit.beneficiaire}") as step:
            stage.sim("pull", _SLOT_VITALE, *self._state())
            stage.sim("insert", _SLOT_VITALE, visit.vitale, *self._state())
            answers = self._wish.out / WORLD / f"answers-{number}.json"
            _write(answers, {"beneficiaire": str(visit.beneficiaire), **visit.answers})
            bill = stage.run("bill", "new", "--answers", str(answers)).document
            signed = stage.run("bill", "sign", bill["bill"]).document["bills"][0]
            step.done(f"{_amounts(bill)}, n° {signed['numero_facture']} signée")
        self._bills.append(bill["bill"])

    def _send(self, stage: Stage, count: int) -> None:
        with self._tell.step("lot signé, chiffré et envoyé") as step:
            sent = stage.run("send", "--copy", str(self._wish.out / WORLD / "sent")).document["files"]
            lots = sum(len(f["lots"]) for f in sent)
            step.done(f"{count} facture(s), {lots} lot(s), {len(sent)} fichier(s) par SMTP")

    def _returns(self, stage: Stage, keeper: Keeper) -> str:
        wish = self._wish
        patience = _LOST_S if wish.outcome == "lost-arl" else _RETURNS_S
        with self._tell.step("retours de la caisse relevés") as step:
            command = ("inbox", "--wait", str(patience), "--copy", str(wish.out / "returns"))
            inbox: Done = stage.run(*command, ok=(0, REFUSED))
            found = inbox.document["returns"]
            names = [" ".join(dict.fromkeys(filter(None, (r["nature"], r["reference"])))) for r in found]
            step.done(", ".join(names) or "aucun retour")
        states = set()
        for bill in self._bills:
            shown = stage.run("bill", "show", bill).document
            states.add(shown["state"])
            self._tell.outcome(shown)
        overview = stage.run("status").document
        self._tell.waiting(overview)
        keeper.keep(self._bills, overview)
        return _status(states)

    # Options of the commands

    def _environment(self, pin: str) -> dict[str, str]:
        wish = self._wish
        keys = os.environ.get("TOURNEE_TEST_KEYS") or str((wish.out / WORLD / "keys").resolve())
        env = {
            "TOURNEE_HOME": str((wish.out / WORLD / "home").resolve()),
            "TOURNEE_PASSPHRASE": os.environ.get("TOURNEE_PASSPHRASE") or secrets.token_hex(16),
            "TOURNEE_TEST_KEYS": keys,
            "TOURNEE_SIM_PIN": pin,
            "PYTHONIOENCODING": "utf-8",
        }
        if wish.day is not None:
            env["TOURNEE_DATE"] = wish.day.isoformat()
        return env

    def _fund_options(self) -> list[str]:
        wish = self._wish
        options = [
            "fund",
            "--dir",
            str(wish.out / WORLD / "funds"),
            "--outcome",
            wish.outcome,
            "--seed",
            str(wish.seed),
        ]
        return options + (["--today", wish.day.isoformat()] if wish.day else [])

    def _sim_options(self, vitale: str) -> list[str]:
        wish = self._wish
        link = "pty" if wish.link == "serial" else wish.link
        options = ["up", *self._state(), "--link", link, "--board", wish.board, "--cps", wish.cps, "--vitale", vitale]
        return [*options, "--pace", wish.pace, "--seed", str(wish.seed), "--auto-pin"]

    def _state(self) -> list[str]:
        return ["--state", str((self._wish.out / WORLD / "terminal").resolve())]

    def _init_options(self, fund: dict[str, Any]) -> list[str]:
        smtp, pop3 = (f"{fund[f'{p}_host']}:{fund[f'{p}_port']}" for p in ("smtp", "pop3"))
        options = ["--situation", "1", "--address", _ADDRESS, "--smtp", smtp, "--pop3", pop3]
        options += ["--security", "none", "--destinations", str(fund["destinations"])]
        return options


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ended from outside is ended as by Ctrl-C: the simulated parts go too."""
    raise KeyboardInterrupt


def _emptied(out: Path) -> None:
    """An empty folder; refuses one that no demo has made."""
    marker = out / ".tournee-demo"
    if out.exists() and any(out.iterdir()):
        if not marker.exists():
            raise StageError(f"{out} is not empty and no demo made it.", "Choose another folder with --out.")
        shutil.rmtree(out)
    (out / WORLD).mkdir(parents=True)
    out.chmod(0o700)
    marker.touch()


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _amounts(bill: dict[str, Any]) -> str:
    totals = bill["evaluation"]["totals"]
    codes = " + ".join(line["code"] for line in bill["evaluation"]["lines"])
    parts = [("AMO", "amo"), ("AMC", "amc"), ("patient", "patient")]
    split = " + ".join(f"{name} {euros(totals[f'{key}_cents'])}" for name, key in parts)
    return f"{codes} : {euros(totals['montant_cents'])} = {split}"


def _rights(vitale: dict[str, Any]) -> str:
    droits = vitale.get("droits")
    return f"régime {droits['assure']['regime']}, caisse {droits['assure']['caisse']}" if droits else "non lus"


_REACHED = {"paid": "paid", "rejected": "rejected", "partial": "partly_paid", "lost-arl": "waiting"}


def _status(states: set[str]) -> str:
    if states == {"sent"}:
        return "waiting"
    return states.pop() if len(states) == 1 else "mixed"
