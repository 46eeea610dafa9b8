"""The parts around the cards: people, keys, hashes, faults, link bridge, trace, control lock."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fr import nir

from tournee_protocol import zones
from tournee_protocol.link import Frame, Kind, Message
from tournee_sim import people
from tournee_sim.boards.link import TO_BOARD, TO_HOST, FrameCounter, LinkBridge, TcpPort
from tournee_sim.boards.unix import prompted_keys
from tournee_sim.cards import midstate
from tournee_sim.cards.core import Response
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.tlv import TlvError, items, tlv
from tournee_sim.cli.control import frame
from tournee_sim.control import ControlError, StateLock, describe
from tournee_sim.faults import FaultError, parse
from tournee_sim.pki import Pki, PkiError
from tournee_sim.trace import Trace


@given(st.binary(max_size=64), st.integers(0, 3))
def test_continued_hashes_are_those_of_hashlib(last: bytes, blocks: int) -> None:
    head = bytes(range(64)) * blocks
    for name in ("sha1", "sha256"):
        state = midstate.advance(name, midstate.start(name), head)
        assert midstate.finish(name, state, len(head) * 8, last) == hashlib.new(name, head + last).digest()


@given(st.lists(st.tuples(st.sampled_from([0x65, 0x80, 0x7F21, 0xBF8101]), st.binary(max_size=300)), max_size=5))
def test_tlv_round_trip(objects: list[tuple[int, bytes]]) -> None:
    assert list(items(b"".join(tlv(tag, value) for tag, value in objects))) == objects


@given(st.binary(max_size=40))
def test_hostile_tlv(data: bytes) -> None:
    try:
        list(items(data))
    except TlvError:
        pass


def test_every_card_of_the_catalogue_can_be_made(keys: Path) -> None:
    for card_id in people.card_ids():
        assert make_card(card_id, pki=Pki(keys), pin="0000").id == card_id
    with pytest.raises(people.UnknownCard, match="vitale-famille"):
        make_card("vitale-de-papa", pki=Pki(keys), pin="0000")


def test_people_are_fictitious_and_consistent() -> None:
    ids = [i for i in people.card_ids() if i.startswith("vitale-") and i not in people.SPECIAL]
    numbers = set()
    for card_id in ids:
        card = people.vitale(card_id)
        assert card.numero_serie.startswith("99")
        for person in card.beneficiaires:
            assert nir.is_valid(person.nir + person.cle_nir)
            assert person.nir[5:7] == "99"
            numbers.add(person.nir)
        assert zones.check(zones.decode(card.zone_droits())) == ()
    assert len(numbers) == sum(len(people.vitale(i).beneficiaires) for i in ids)
    for card_id in (i for i in people.card_ids() if i.startswith("cps-")):
        holder = people.practitioner(card_id)
        assert holder.numero_identification.startswith("99")
        assert luhn.is_valid(holder.numero_identification + holder.cle_identification)
        assert all(s.get("numero_facturation").startswith("99") for s in holder.situations)


def test_the_family_has_accents_and_twins() -> None:
    family = people.vitale("vitale-famille").beneficiaires
    assert any("é" in b.prenom for b in family)
    twins = [b for b in family if b.naissance == "20180311"]
    assert sorted(b.rang for b in twins) == ["1", "2"]
    assert all(g.get("nom").isascii() for b in family for g in b.groupes if g.id == 104)


def test_keys_are_made_once_private_and_chain_to_the_test_ca(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "keys")
    fund = pki.fund("01991")
    assert Pki(tmp_path / "keys").fund("01991").der == fund.der
    fund.certificate.verify_directly_issued_by(pki.ca)
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    assert all(p.stat().st_mode & 0o077 == 0 for p in (tmp_path / "keys").iterdir())
    assert pki.ca.subject == pki.ca.issuer
    assert pki.ca.not_valid_before_utc.year == 2024
    assert fund.certificate.not_valid_after_utc.year == 2040
    with pytest.raises(PkiError, match="letters"):
        pki.fund("../../etc")


def test_a_broken_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(PkiError, match=r"ca\.pem.*delete it"):
        _ = Pki(tmp_path).ca


def test_no_directory_for_keys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOURNEE_TEST_KEYS", raising=False)
    with pytest.raises(PkiError, match="--keys"):
        Pki()


def _make_fund(directory: str) -> bytes:
    return Pki(directory).fund("02992").der


def test_processes_that_ask_at_once_get_the_same_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        made = pool.map(_make_fund, [str(tmp_path)] * 3)
    assert len(set(made)) == 1
    x509.load_der_x509_certificate(made[0]).verify_directly_issued_by(Pki(tmp_path).ca)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("nope", {}), ("mute", {"loud": 1}), ("link-cut", {"direction": "up"}), ("pull", {"after": -1})],
)
def test_faults_that_are_none(name: str, parameters: dict[str, int | str]) -> None:
    with pytest.raises(FaultError):
        parse(name, **parameters)


def _frame(kind: Kind, number: int, flags: int = 0) -> bytes:
    payload = Message.build({"kind": kind, "op": 2, "number": number, "body": b"x"})
    return bytes(Frame.build({"body": {"value": {"flags": flags, "seq": 0, "payload": payload}}}))


@given(st.data())
def test_frames_are_counted_however_they_are_cut(data: st.DataObject) -> None:
    stream = b"junk" + _frame(Kind.RESPONSE, 1) + _frame(Kind.EVENT, 5) + b"\xa5" + _frame(Kind.RESPONSE, 0)
    counter = FrameCounter()
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        counter.feed(stream[:cut])
        stream = stream[cut:]
    assert (counter.frames, counter.responses) == (3, 1)


def test_a_cut_lets_exactly_so_many_bytes_through(tmp_path: Path) -> None:
    async def run() -> None:
        bridge = LinkBridge(TcpPort())
        arguments = await bridge.start(tmp_path)
        board_reader, board_writer = await asyncio.open_unix_connection(arguments["link"].removeprefix("unix:"))
        await bridge.connected.wait()
        host, port = bridge.port.url.split(":")[1:]
        reader, writer = await asyncio.open_connection(host, int(port))
        bridge.cut(TO_BOARD, 5)
        writer.write(b"0123456789")
        assert await reader.read() == b""  # the host lost the link
        assert await board_reader.readexactly(5) == b"01234"
        assert bridge.traffic.bytes_to_terminal == 5
        again, writer_again = await asyncio.open_connection(host, int(port))
        writer_again.write(b"x")
        assert await board_reader.readexactly(1) == b"x"
        bridge.cut(TO_HOST, 3)
        board_writer.write(b"abcdef")
        assert await again.read() == b"abc"
        assert bridge.traffic.cuts == 2
        board_writer.close()
        await bridge.close()

    asyncio.run(run())


def test_a_second_host_is_turned_away(tmp_path: Path) -> None:
    async def run() -> None:
        bridge = LinkBridge(TcpPort())
        await bridge.start(tmp_path)
        host, port = bridge.port.url.split(":")[1:]
        _, first = await asyncio.open_connection(host, int(port))
        first.write(b"1")
        second, _ = await asyncio.open_connection(host, int(port))
        assert await second.read() == b""
        await bridge.close()

    asyncio.run(run())


def test_auto_pin_answers_prompts_only() -> None:
    blank = ["", "", "", ""]
    assert prompted_keys([*blank[:3], "OK=valider C=annuler"], "4711") == "4711\r"
    assert prompted_keys([*blank[:3], "OK=essayer C=annuler"], "4711") == "\r"
    assert prompted_keys(["Code faux", *blank[1:]], "4711") == ""
    assert prompted_keys([*blank[:3], "OK=oui      C=non"], "4711") == ""


def test_trace_shows_a_pin_as_a_template(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "apdu.log", lambda: 1.0)
    trace.exchange(0, "cps-medecin", bytes.fromhex("0020000104"), b"4711", Response(0x63C2))
    trace.event("pull", slot=0)
    trace.close()
    text = (tmp_path / "apdu.log").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[0] == {
        "t_ms": 1.0,
        "slot": 0,
        "card": "cps-medecin",
        "apdu": "00 20 00 01 04 ** ** ** **",
        "data": "",
        "sw": "63C2",
    }
    assert rows[1]["event"] == "pull"
    assert "4711" not in text
    assert b"4711".hex(" ").upper() not in text


def test_a_display_does_not_command_the_window_it_is_shown_in() -> None:
    shown = frame(["a\x1b[2Jb", "c\nd", "e\x00\x9bf", "Montant dû : 12 €"]).splitlines()
    assert shown[1:-1] == ["|a?[2Jb|", "|c?d|", "|e??f|", "|Montant dû : 12 €|"]


def test_state_lock_is_for_one_and_falls_with_its_process(tmp_path: Path) -> None:
    lock = StateLock(tmp_path)
    lock.describe(url="tcp:127.0.0.1:1")
    assert describe(tmp_path)["url"] == "tcp:127.0.0.1:1"
    with pytest.raises(ControlError, match="already runs") as caught:
        StateLock(tmp_path)
    assert "--name" in caught.value.remedy
    lock.release()
    (tmp_path / "terminal.json").write_text('{"version": 1, "control": "/nowhere"}')  # what a killed process leaves
    with pytest.raises(ControlError, match="no terminal runs"):
        describe(tmp_path)
    StateLock(tmp_path).release()
