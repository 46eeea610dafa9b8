"""Cards that answer anything: every program ends with a value or a typed error whose text quotes nothing of the card."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tournee.cards import certificate, cps, droits, pkcs15, svsim, tlv, vitale
from tournee.cards.atr import recognise
from tournee.cards.commands import Apdu, RunScript
from tournee.cards.document import cps_document, vitale_document
from tournee.cards.errors import CardDataError
from tournee.cards.script import run_with
from tournee.errors import TourneeError
from tournee.terminal.events import script_answers
from tournee.terminal.model import Answer, PinResult
from tournee_protocol import zones

SWS = st.sampled_from([0x9000, 0x9000, 0x9000, 0x6282, 0x6982, 0x6A82, 0x6B00, 0x6F00, 0x63C2, 0x6983, 0x0000, 0xFFFF])
TREE = st.recursive(
    st.binary(max_size=12),
    lambda inner: st.tuples(
        st.sampled_from([0x30, 0x31, 0x65, 0x66, 0xA1, 0x5A, 0x80, 0x93, 0x06, 0x0C, 0x04]), inner
    ).map(lambda pair: bytes([pair[0], len(pair[1]) & 0x7F]) + pair[1]),
    max_leaves=12,
)
BODIES = st.one_of(TREE, st.lists(TREE, max_size=4).map(b"".join), st.binary(max_size=300))


class _Card:
    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def send(self, command: bytes) -> Answer:
        return Answer(self._data.draw(BODIES)[:256], self._data.draw(SWS))


def _drive(program: Generator[Any, Any, Any], card: _Card) -> Any:
    try:
        command = next(program)
        while True:
            if isinstance(command, RunScript):
                reply: Any = run_with(command.script, card.send)
            elif isinstance(command, Apdu):
                reply = card.send(command.apdu)
            else:
                reply = PinResult(card.send(b"").sw, None)
            command = program.send(reply)
    except StopIteration as done:
        return done.value


PROGRAMS = {
    "cps public": lambda: cps.read_public(b"\x3b"),
    "cps sign": lambda: cps.sign(b"x"),
    "cps verify": cps.verify,
    "cps tries": cps.pin_tries,
    "cps authenticate": lambda: cps.authenticate(bytes(51)),
    "vitale public": lambda: vitale.read_public(b"\x3b"),
    "vitale rights": svsim.read_rights,
    "vitale open": lambda: svsim.open_rights(bytes(10), bytes(900)),
    "vitale sign": lambda: svsim.sign(b"x"),
}


@pytest.mark.parametrize("name", PROGRAMS)
@given(data=st.data())
def test_a_program_ends_with_a_value_or_a_typed_error(name: str, data: st.DataObject) -> None:
    try:
        found = _drive(PROGRAMS[name](), _Card(data))  # type: ignore[no-untyped-call]
    except TourneeError as exc:
        assert exc.what and exc.remedy
        return
    if name == "cps public":
        cps_document(found)
    if name == "vitale public":
        vitale_document(found)


@given(st.binary(max_size=400))
@example(b"\x30\x80")
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\x1f")
def test_tlv_and_what_stands_on_it(data: bytes) -> None:
    for parse in (
        lambda: tlv.read(data, "x"),
        lambda: tlv.whole(data, "x"),
        lambda: certificate.subject_and_issuer(data),
        lambda: pkcs15.certificates(data),
        lambda: droits.droits(data),
        lambda: droits.situations(data),
        lambda: script_answers(data),
    ):
        try:
            parse()
        except TourneeError:
            continue


NAMES = st.text(st.characters(codec="ascii", categories=("Lu",)), min_size=12, max_size=20)


@given(NAMES, st.integers(0, 200), st.integers(1, 255))
def test_a_damaged_zone_never_quotes_a_name(name: str, at: int, flip: int) -> None:
    zone = bytearray(
        zones.encode(
            [
                zones.make(101, nir="2850599350001", regime="01", fin_validite="20261231"),
                zones.make(104, nom=name, prenom=name),
            ]
        )
    )
    zone[at % len(zone)] ^= flip
    try:
        droits.droits(bytes(zone))
    except CardDataError as exc:
        assert name not in str(exc) and "28505" not in str(exc)


@given(st.binary(max_size=33))
def test_any_atr_is_known_or_unknown(atr: bytes) -> None:
    kind = recognise(atr)
    assert kind is None or kind.matches(atr)
