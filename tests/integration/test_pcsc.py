"""PC/SC: the same cards through a real pcscd and its virtual reader driver (vpcd), by pyscard: two slots, scripts run on this computer.

Cards are not pulled here: Debian's vpcd 3.3 ends pcscd when its peer leaves (FD_SETSIZE); tests/unit/test_cards_pcsc.py does that at the seam.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tournee.cards.adapters.pcsc import WARNING
from tournee.cards.errors import WrongPin
from tournee.link.errors import LinkUnavailable
from tournee.signing import message
from tournee.signing.adapters.verify import verify
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.people import practitioner, vitale
from tournee_sim.pki import Pki
from tournee_sim.pytest_plugin import need

pytestmark = pytest.mark.xdist_group("pcscd")  # there is one pcscd socket per machine
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
SOCKET = Path("/run/pcscd/pcscd.comm")
PIN = "4711"
OFF, ON, RESET, ATR = 0, 1, 2, 4


class VirtualSlot:
    """The card's end of one vpcd connection: length (2) + control byte or APDU; the reader asks the ATR to see whether a card is there."""

    def __init__(self, listener: socket.socket) -> None:
        self.card: TpduCard | None = None
        self._listener = listener
        self._connection: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        for one in (self._connection, self._listener):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connection, _ = self._listener.accept()
                with self._connection, contextlib.suppress(OSError):
                    self._talk(self._connection)

    def _talk(self, connection: socket.socket) -> None:
        while (request := self._receive(connection)) is not None:
            answer = self._answer(request)
            if answer is not None:
                connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _receive(self, connection: socket.socket) -> bytes | None:
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            wanted = 2 - len(data) if len(data) < 2 else 2 + int.from_bytes(data[:2], "big") - len(data)
            part = connection.recv(wanted)
            if not part:
                return None
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # two sends per request: no delayed ACK
            data += part
        return data[2:]

    def _answer(self, request: bytes) -> bytes | None:
        card = self.card
        if len(request) == 1:
            if request[0] in (ON, RESET) and card:
                card.reset()
            if request[0] == ATR:
                return card.card.atr if card else b""
            return None
        return card.apdu(request) if card else b"\x6f\x00"  # an empty answer would hold vpcd for ever


@pytest.fixture(scope="module")
def daemon(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[VirtualSlot]]:
    """A pcscd of our own with a virtual reader of two slots; one for all tests, because pyscard keeps its context for ever."""
    need("pyscard")
    need("pcscd")
    if os.geteuid() != 0 or SOCKET.exists():
        pytest.skip("needs pcscd of its own: run as root, with no other pcscd running")
    first, second = _listeners()
    made = [VirtualSlot(first), VirtualSlot(second)]
    _insert(made, keys)
    port = first.getsockname()[1]
    folder = tmp_path_factory.mktemp("reader.conf.d")
    (folder / "vpcd").write_text(
        f'FRIENDLYNAME "Simulation"\nDEVICENAME 127.0.0.1:0x{port:X}\nLIBPATH {DRIVER}\nCHANNELID 0x{port:X}\n'
    )
    SOCKET.parent.mkdir(exist_ok=True)
    words = ["pcscd", "--foreground", "-c", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_readers()
        yield made
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for slot in made:
            slot.close()
        for leftover in (SOCKET, SOCKET.with_name("pcscd.pid")):
            leftover.unlink(missing_ok=True)


@pytest.fixture
def slots(daemon: list[VirtualSlot], keys: Path) -> list[VirtualSlot]:
    """A CPS and a Vitale, new for each test."""
    _insert(daemon, keys)
    return daemon


def _insert(slots: list[VirtualSlot], keys: Path) -> None:
    pki = Pki(keys)
    slots[0].card = TpduCard(make_card("cps-medecin", pki=pki, pin=PIN))
    slots[1].card = TpduCard(make_card("vitale-famille", pki=pki))


def _listeners() -> tuple[socket.socket, socket.socket]:
    """Two neighbouring ports: slot n of vpcd connects to the first + n."""
    for port in random.sample(range(20_000, 30_000), 200):
        with contextlib.ExitStack() as stack:
            pair = tuple(stack.enter_context(socket.socket()) for _ in range(2))
            try:
                for number, one in enumerate(pair):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind(("127.0.0.1", port + number))
                    one.listen()
            except OSError:
                continue
            stack.pop_all()
            return pair[0], pair[1]
    pytest.fail("no two neighbouring ports are free")


def _wait_readers() -> None:
    """Until both readers hold a card, as a fresh process sees it (pyscard caches its context)."""
    probe = (
        "import sys,time\n"
        "from smartcard.System import readers\n"
        "for _ in range(200):\n"
        "    try:\n"
        "        found = readers()\n"
        "        for r in found:\n"
        "            r.createConnection().connect()\n"
        "        if len(found) == 2: sys.exit(0)\n"
        "    except Exception: pass\n"
        "    time.sleep(0.1)\n"
        "sys.exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], timeout=60)
    assert done.returncode == 0, "pcscd shows no virtual readers"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed at the prompt, first to last."""
    typed: list[str] = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))
    return typed


def test_a_whole_reading_and_both_signatures(
    slots: list[VirtualSlot], asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    import tournee

    with tournee.open("pcsc:Simulation") as desk:
        asked += ["12a4", "0000"]
        with pytest.raises(WrongPin, match="code faux, il reste 2 essais"):
            desk.open_cps()
        assert WARNING in capsys.readouterr().err
        asked.append(PIN)
        cps = desk.open_cps()
        assert cps.numero_serie == practitioner("cps-medecin").numero_carte
        assert cps.situations
        rights = desk.patient_rights()
        family = vitale("vitale-famille")
        assert [b.nom for b in rights.beneficiaires] == [b.nom for b in family.beneficiaires]
        assert rights.droits is not None and rights.droits.assure.caisse == family.assure.get("caisse")
        text = message("F", 3, bytes(32))
        assert cps.certificat_signature and rights.certificat
        verify(cps.certificat_signature, text, desk.sign_cps(text))
        verify(rights.certificat, text, desk.sign_vitale(text))
        assert not asked, "the PIN is asked once"


def test_names_of_readers_and_a_name_that_is_none(slots: list[VirtualSlot]) -> None:
    import tournee

    with pytest.raises(LinkUnavailable, match="Simulation"):
        tournee.open("pcsc:Nobody")
    with tournee.open("pcsc:") as desk:
        assert desk.info().board == "PC/SC"
        assert len(desk.slots()) == 2
