"""Stock PC/SC sees the terminal: real pcscd and libccidtwin on a pty, the firmware's serial CCID personality, byte-level cards.

pcscd runs in a mount namespace with a /run of its own: the person's own pcscd is neither stopped nor seen.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.pytest_plugin import need

PIN = "4711"
READER = "Tournee SIMULATION 00 0"
CPS_ATR = "3b:ac:00:40:2a:00:12:25:00:64:80:00:03:10:00:90:00"
VITALE_ATR = "3b:75:13:00:00:47:09:ea:90:00"
GOLDEN = Path(__file__).parents[1] / "golden" / "vitale_scriptor.txt"
VITALE_SCRIPT = """00 A4 00 00 02 3F 00
00 C0 00 00 22
00 B0 82 00 00
00 A4 04 00 0B D2 50 00 00 02 56 49 54 41 4C 45
00 B0 82 00 00
"""
SIGN = """
import sys
from pathlib import Path
import tournee
from tournee.cards.adapters import pcsc
from tournee.signing import message
pcsc.ask_on_this_computer = lambda prompt, least, most: sys.argv[2]
folder = Path(sys.argv[1])
text = message("F", 7, bytes(32))
with tournee.open("pcsc:Tournee") as desk:
    cps = desk.open_cps()
    rights = desk.patient_rights()
    (folder / "message").write_bytes(text)
    (folder / "cps.der").write_bytes(cps.certificat_signature)
    (folder / "cps.sig").write_bytes(desk.sign_cps(text))
    (folder / "vitale.der").write_bytes(rights.certificat)
    (folder / "vitale.sig").write_bytes(desk.sign_vitale(text))
"""


class Daemon:
    """A pcscd for one terminal, and the clients that speak to it."""

    def __init__(self, board: ThreadedBoard, state: Path) -> None:
        self.board = board
        script = f"mount -t tmpfs tmpfs /run && mkdir /run/pcscd && exec pcscd --foreground -c '{state}/reader.conf.d'"
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
        if subprocess.run([*command[:3], "true"], capture_output=True, check=False).returncode:
            command.remove("--map-root-user")  # no user namespaces: root may do it as it is
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        socket = f"/proc/{self.process.pid}/root/run/pcscd/pcscd.comm"
        self.environment = os.environ | {"PCSCLITE_CSOCK_NAME": socket, "LC_ALL": "C"}

    def wait(self, *atrs: str) -> None:
        """Until every card answers."""
        end = time.monotonic() + 40
        while time.monotonic() < end:
            assert self.process.poll() is None, "pcscd ended"
            done = [self._atr(slot) for slot in range(len(atrs))]
            if done == list(atrs):
                return
        pytest.fail("pcscd does not see the cards")

    def _atr(self, slot: int) -> str:
        command = ["opensc-tool", "-r", str(slot), "-a"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip()

    def run(self, *command: str, stdin: str = "", code: int | None = 0) -> str:
        """Output and error text of a client."""
        done = subprocess.run(
            command,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


Start = Callable[..., Daemon]


@pytest.fixture
def start(terminals: Callable[..., ThreadedBoard], tmp_path: Path) -> Iterator[Start]:
    """`start("SEC1210")`: a terminal that is this reader, and its pcscd, which has seen the cards."""
    need("ccidtwin")
    need("tty")
    with contextlib.ExitStack() as stack:

        def begin(reader: str, **options: Any) -> Daemon:
            state = tmp_path / "terminal"
            board = terminals(pcsc=reader, pin=PIN, state=state, **options)
            daemon = Daemon(board, state)
            stack.callback(daemon.close)
            daemon.wait(*((CPS_ATR, VITALE_ATR) if reader == "SEC1210" else (CPS_ATR,)))
            return daemon

        yield begin


def test_two_readers_with_two_slots(start: Start) -> None:
    own = Path("/run/pcscd/pcscd.comm").exists()
    daemon = start("SEC1210")
    assert daemon.run("opensc-tool", "-r", "0", "-a", "-n").split() == [CPS_ATR, "IAS-ECC"]
    assert daemon.run("opensc-tool", "-r", "0", "--serial").startswith("00 00 01 99 00 00 01 7F")
    assert VITALE_ATR in daemon.run("opensc-tool", "-r", "1", "-a")
    listed = daemon.run("pkcs15-tool", "-r", "0", "-D")
    for name in ("CPS_PRIV_SIG", "CPS_PRIV_AUT", "CPS_INFO_PS", "CPS_ACTIVITY_01_PS"):
        assert name in listed
    assert Path("/run/pcscd/pcscd.comm").exists() == own, "the system's pcscd is left alone"


@pytest.mark.parametrize("reader", ["SEC1210", "GemPCTwin"])
def test_pkcs11_with_both_flavours(start: Start, reader: str) -> None:
    daemon = start(reader)
    text = daemon.run("pkcs11-tool", "--test", "-l", "--pin", PIN, code=None)
    assert _in_order(text, "Signatures", "testing key 1 (CPS_PRIV_AUT)", "RSA-PKCS: OK"), text
    assert _in_order(text, "Decryption", "testing key 1 (CPS_PRIV_AUT)", "RSA-PKCS: OK"), text
    assert "1 errors" in text, "OpenSC cannot sign with CPS_PRIV_SIG by a whole hash; nothing else may fail"
    wrong = daemon.run("pkcs11-tool", "--test", "-l", "--pin", "0000", code=1)
    assert "CKR_PIN_INCORRECT" in wrong
    assert daemon.board.counters()["cards"][0]["tries_left"] == 2


def _in_order(text: str, *parts: str) -> bool:
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
    return True


def test_the_code_typed_on_the_keypad_of_a_pin_pad(start: Start) -> None:
    daemon = start("GemPCPinPad")
    assert "PIN pad" in daemon.run("opensc-tool", "-l")
    client = subprocess.Popen(
        ["pkcs11-tool", "--test", "-l"],
        env=daemon.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        daemon.board.wait_display("Code porteur")
        daemon.board.type(f"{PIN}\r")
        text, _ = client.communicate(timeout=120)
    finally:
        client.kill()
        client.wait()
    assert _in_order(text, "Signatures", "testing key 1 (CPS_PRIV_AUT)", "RSA-PKCS: OK"), text
    assert "enter" not in text.lower() and PIN not in text


def test_vitale_read_by_a_script_of_apdus(start: Start) -> None:
    daemon = start("SEC1210")
    said = daemon.run("scriptor", "-r", f"{READER}1", "-p", "T=0", stdin=VITALE_SCRIPT)
    assert _exchanges(said) == GOLDEN.read_text("utf-8").splitlines()


def _exchanges(said: str) -> list[str]:
    """`> command`, `< answer` in hex, each on one line, without scriptor's words."""
    found: list[str] = []
    for line in said.splitlines():
        if line[:2] in ("> ", "< "):
            found.append(line[:2])
        if found and (line[:2] in ("> ", "< ") or found[-1][:1] == "<"):
            found[-1] += line.removeprefix(found[-1][:2]).partition(":")[0].replace(" ", "")
    return found


def test_a_card_pulled_and_inserted_under_a_waiting_client(start: Start) -> None:
    daemon = start("SEC1210")
    watch = subprocess.Popen(["pcsc_scan", "-n"], env=daemon.environment, stdout=subprocess.PIPE)
    try:
        _until(watch, b"3B 75 13 00 00 47 09 EA 90 00")
        daemon.board.pull(1)
        _until(watch, b"Card removed")
        daemon.board.insert(1, "vitale-seule")
        _until(watch, b"Card inserted")
    finally:
        watch.kill()
        watch.wait()
        assert watch.stdout is not None
        watch.stdout.close()
    daemon.wait(CPS_ATR, VITALE_ATR)


def _until(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    assert process.stdout is not None
    seen = b""
    end = time.monotonic() + 60
    while wanted not in seen:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        data = os.read(process.stdout.fileno(), 4096) if ready else b""
        assert data, seen[-2000:]
        seen += data


def test_sim_up_says_how_to_use_it(keys: Path, tmp_path: Path) -> None:
    need("micropython")
    need("tty")
    environment = os.environ | {"TOURNEE_HOME": str(tmp_path), "TOURNEE_TEST_KEYS": str(keys)}
    command = [sys.executable, "-m", "tournee_sim", "up", "--pcsc", "--state", str(tmp_path / "state")]
    terminal = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert terminal.stdout is not None
    try:
        said = ""
        while "  stop" not in said:
            line = terminal.stdout.readline()
            assert line, said
            said += line
        configuration = (tmp_path / "state" / "reader.conf.d" / "tournee").read_text("utf-8")
    finally:
        terminal.terminate()
        terminal.wait(20)
        terminal.stdout.close()
    device = f"DEVICENAME {tmp_path}/state/ttyCCID:SEC1210"
    for text in (device, "LIBPATH /usr/lib/pcsc/drivers/serial/libccidtwin.so"):
        assert text in said and text in configuration.splitlines()
    assert f"-c {tmp_path}/state/reader.conf.d'" in said and "pcsc_scan -n" in said


def test_signatures_of_both_cards_verified_by_openssl(start: Start, tmp_path: Path) -> None:
    """By the host's `pcsc:` transport: the sequences of the card applications, T=0 TPDUs of libccidtwin below."""
    need("pyscard")
    daemon = start("SEC1210")
    daemon.run(sys.executable, "-c", SIGN, str(tmp_path), PIN)
    for signer in ("cps", "vitale"):
        key = tmp_path / f"{signer}.pem"
        certificate = str(tmp_path / f"{signer}.der")
        key.write_text(daemon.run("openssl", "x509", "-inform", "DER", "-in", certificate, "-pubkey", "-noout"))
        command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(tmp_path / f"{signer}.sig")]
        assert "Verified OK" in daemon.run(*command, str(tmp_path / "message"))
