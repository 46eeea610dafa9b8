"""Stock PC/SC sees the terminal: real pcscd and libccidtwin on a pty, the firmware's serial CCID personality on the boards unix and
qemu, byte-level cards. The same checks over vsmartcard's virtual reader, where no firmware is between.
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

from tests.tools.pcscd import CPS, READER, VITALE, VPCD, Place, Places, atr_of
from tournee_sim.pytest_plugin import need

pytestmark = pytest.mark.timeout(900)  # the first with qemu builds the image
PIN = "4711"
EVERYWHERE = ("SEC1210", "GemPCTwin", "qemu-SEC1210", "qemu-GemPCTwin", VPCD)
TWO_SLOTS = ("SEC1210", "qemu-SEC1210", VPCD)
GOLDEN = Path(__file__).parents[1] / "golden"
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
Start = Callable[..., Place]


@pytest.fixture
def start(terminals: Callable[..., Any], keys: Path, tmp_path: Path) -> Iterator[Start]:
    """`start("SEC1210")`: a reader with its cards, and a pcscd that has seen them."""
    with contextlib.ExitStack() as stack:
        yield Places(stack, terminals, keys, tmp_path)


@pytest.mark.parametrize("kind", EVERYWHERE)
def test_atr_name_serial_and_the_objects_of_the_cps(start: Start, kind: str) -> None:
    own = Path("/run/pcscd/pcscd.comm").exists()
    place = start(kind)
    said = place.run("opensc-tool", "-r", "0", "-a", "-n", "--serial").splitlines()
    assert said == [atr_of(CPS), "00 00 01 99 00 00 01 7F ........", "IAS-ECC"]
    listed = place.run("pkcs15-tool", "-r", "0", "-D")
    for name in ("CPS_PRIV_SIG", "CPS_PRIV_AUT", "CPS_INFO_PS", "CPS_ACTIVITY_01_PS"):
        assert name in listed
    assert Path("/run/pcscd/pcscd.comm").exists() == own, "the system's pcscd is left alone"


@pytest.mark.parametrize("kind", TWO_SLOTS)
def test_two_readers_with_two_slots(start: Start, kind: str) -> None:
    place = start(kind)
    readers = place.run("opensc-tool", "-l")
    assert f"{READER}0" in readers and f"{READER}1" in readers
    assert atr_of(VITALE) in place.run("opensc-tool", "-r", "1", "-a")


@pytest.mark.parametrize("kind", ["SEC1210", "GemPCTwin", "qemu-SEC1210", VPCD])
def test_pkcs11_signs_and_deciphers_and_a_wrong_pin_costs_a_try(start: Start, kind: str) -> None:
    place = start(kind)
    text = place.run("pkcs11-tool", "--test", "-l", "--pin", PIN, code=None)
    assert _in_order(text, "Signatures", "testing key 1 (CPS_PRIV_AUT)", "RSA-PKCS: OK"), text
    assert _in_order(text, "Decryption", "testing key 1 (CPS_PRIV_AUT)", "RSA-PKCS: OK"), text
    assert "1 errors" in text, "OpenSC cannot sign with CPS_PRIV_SIG by a whole hash; nothing else may fail"
    wrong = place.run("pkcs11-tool", "--test", "-l", "--pin", "0000", code=1)
    assert "CKR_PIN_INCORRECT" in wrong
    assert place.counters(0)["tries_left"] == 2


def _in_order(text: str, *parts: str) -> bool:
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
    return True


@pytest.mark.parametrize("kind", ["GemPCPinPad", "qemu-GemPCPinPad"])
def test_the_code_typed_on_the_keypad_of_a_pin_pad(start: Start, kind: str) -> None:
    place = start(kind)
    assert "PIN pad" in place.run("opensc-tool", "-l")
    with _client(place, "pkcs11-tool", "--test", "-l") as client:
        place.board.wait_display("Code porteur", 60)
        place.board.type(f"{PIN}\r")
        text, _ = client.communicate(timeout=120)
    assert _in_order(text, "Signatures", "testing key 1 (CPS_PRIV_AUT)", "RSA-PKCS: OK"), text
    assert "enter" not in text.lower() and PIN not in text


PART_10 = """
from smartcard.System import readers
from smartcard.scard import SCARD_CTL_CODE
card = readers()[0].createConnection()
card.connect()
told = bytes(card.control(SCARD_CTL_CODE(3400), []))
features = {told[at]: int.from_bytes(told[at + 2 : at + 6], "big") for at in range(0, len(told), 6)}
def apdu(text):
    _, sw1, sw2 = card.transmit(list(bytes.fromhex(text)))
    print(f"{sw1:02X}{sw2:02X}", flush=True)
def on_the_keypad(feature, block, text):
    command = bytes.fromhex(text)
    print(bytes(card.control(features[feature], list(block + len(command).to_bytes(4, "little") + command))).hex(), flush=True)
verify = bytes((30, 30, 0x82, 0, 0, 4, 4, 2, 1, 0, 0, 0, 0, 0, 0))
modify = bytes((30, 30, 0x82, 0, 0, 0, 0, 4, 4, 1, 2, 2, 0, 0, 0, 1, 2, 0, 0, 0))
apdu("0070000001")
apdu("01A404000D" "E828BD080F8025000001FF0010")
on_the_keypad(6, verify, "01200001")
on_the_keypad(7, modify, "01240101")
card.disconnect()
card.connect()
apdu("0070000001")
apdu("01A404000D" "E828BD080F8025000001FF0010")
on_the_keypad(6, verify, "01200001")
"""


@pytest.mark.parametrize("kind", ["GemPCPinPad", "qemu-GemPCPinPad"])
def test_a_code_changed_on_the_keypad(start: Start, kind: str) -> None:
    """PC/SC part 10, as programs ask for it: FEATURE_VERIFY_PIN_DIRECT and FEATURE_MODIFY_PIN_DIRECT with a CPS4."""
    need("pyscard")
    place = start(kind, "cps4-t0")
    with _client(place, sys.executable, "-c", PART_10) as client:
        for shown, code in (
            ("Code porteur", PIN),
            ("Nouveau code ", "2580"),
            ("Nouveau code, encore", "2580"),
            ("Code porteur", "2580"),
        ):
            place.board.wait_display(shown, 60)
            place.board.type(f"{code}\r")
        said, _ = client.communicate(timeout=120)
    assert said.split() == ["9000"] * 7, said


@contextlib.contextmanager
def _client(place: Place, *command: str) -> Iterator[subprocess.Popen[str]]:
    client = subprocess.Popen(
        command,
        env=place.daemon.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield client
    finally:
        client.kill()
        client.wait()
        assert client.stdout is not None
        client.stdout.close()


@pytest.mark.parametrize("card", ["vitale-famille", "vitale-seule"])
@pytest.mark.parametrize("kind", TWO_SLOTS)
def test_vitale_read_by_a_script_of_apdus(start: Start, kind: str, card: str) -> None:
    place = start(kind, CPS, card)
    said = place.run("scriptor", "-r", f"{READER}1", "-p", "T=0", stdin=VITALE_SCRIPT)
    assert _exchanges(said) == (GOLDEN / f"scriptor_{card}.txt").read_text("utf-8").splitlines()


def _exchanges(said: str) -> list[str]:
    """`> command`, `< answer` in hex, each on one line, without scriptor's words."""
    found: list[str] = []
    for line in said.splitlines():
        if line[:2] in ("> ", "< "):
            found.append(line[:2])
        if found and (line[:2] in ("> ", "< ") or found[-1][:1] == "<"):
            found[-1] += line.removeprefix(found[-1][:2]).partition(":")[0].replace(" ", "")
    return found


@pytest.mark.parametrize("kind", TWO_SLOTS[:-1])  # no card can leave vpcd: tournee_sim.boards.vpcd
def test_a_card_pulled_and_inserted_under_a_waiting_client(start: Start, kind: str) -> None:
    place = start(kind)
    with _client(place, "pcsc_scan", "-n") as watch:
        seen = _until(watch, "3B 75 13 00 00 47 09 EA 90 00")
        assert "3B AC 00 40 2A 00 12 25 00 64 80 00 03 10 00 90 00" in seen
        place.board.pull(1)
        _until(watch, "Card removed")
        place.board.insert(1, "vitale-seule")
        _until(watch, "Card inserted")
    place.daemon.wait([atr_of(CPS), atr_of(VITALE)])


def _until(process: subprocess.Popen[str], wanted: str) -> str:
    assert process.stdout is not None
    seen = b""
    end = time.monotonic() + 60
    while wanted.encode() not in seen:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        data = os.read(process.stdout.fileno(), 4096) if ready else b""
        assert data, seen[-2000:]
        seen += data
    return seen.decode()


T1_SCRIPT = f"""00 A4 00 00 02 01 01
00 D6 00 00 FF {" ".join(f"{n:02X}" for n in range(255))}
00 B0 00 00 00
"""


@pytest.mark.parametrize(
    ("kind", "card"),
    [
        ("SEC1210", "generic-t1"),
        ("SEC1210", "generic-t1-crc"),
        ("GemPCTwin", "generic-t1"),
        ("GemPCTwin", "generic-t0t1"),
        ("SEC1210", "generic-t0t1"),
        ("qemu-SEC1210", "generic-t1-crc"),
        (VPCD, "generic-t1"),
    ],
)
def test_blocks_and_chains_of_a_t1_card(start: Start, kind: str, card: str) -> None:
    """libccid makes the blocks: 260 bytes of command and 258 of answer do not go into one, with the CRC card 32."""
    place = start(kind, card)
    said = place.run("scriptor", "-r", f"{READER}0", "-p", "T=1", stdin=T1_SCRIPT)
    data = bytes(range(255))
    read = f"< {data.hex().upper()}009000"
    assert _exchanges(said)[1::2] == ["< 9000", "< 9000", read]


@pytest.mark.parametrize("kind", TWO_SLOTS)
def test_signatures_of_both_cards_verified_by_openssl(start: Start, tmp_path: Path, kind: str) -> None:
    """By the host's `pcsc:` transport: the public sequences of the card applications, CPS_PRIV_SIG among them."""
    need("pyscard")
    place = start(kind)
    place.run(sys.executable, "-c", SIGN, str(tmp_path), PIN)
    for signer in ("cps", "vitale"):
        key = tmp_path / f"{signer}.pem"
        certificate = str(tmp_path / f"{signer}.der")
        key.write_text(place.run("openssl", "x509", "-inform", "DER", "-in", certificate, "-pubkey", "-noout"))
        command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(tmp_path / f"{signer}.sig")]
        assert "Verified OK" in place.run(*command, str(tmp_path / "message"))


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
    assert f"PCSCLITE_CSOCK_NAME={tmp_path}/state/pcscd/pcscd.comm" in said
