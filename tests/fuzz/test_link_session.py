"""A line that says anything: the session never raises on what comes in, and only a right answer to the request in flight counts."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from tournee.errors import TourneeError
from tournee.link.errors import BadUrl
from tournee.link.frames import encode_frame
from tournee.link.session import EventMessage, ProtocolMismatch, Response, Session
from tournee.link.url import parse
from tournee.terminal import events
from tournee.terminal.errors import from_status
from tournee_protocol import link
from tournee_protocol.link import Kind, Op
from tournee_protocol.parts import Parts

FRAMES = st.builds(
    encode_frame, st.binary(max_size=60), flags=st.sampled_from([0, 1, 0x80, 0x81]), seq=st.integers(0, 4)
)


def _session() -> Session:
    session = Session(bytes(8))
    session.hello()
    session.request(Op.INFO)
    return session


@given(st.lists(st.one_of(FRAMES, st.binary(max_size=40), st.none()), max_size=12))
def test_nothing_that_comes_in_raises(pieces: list[bytes | None]) -> None:
    session = _session()
    for piece in pieces:
        for inbound in session.idle() if piece is None else session.feed(piece):
            assert isinstance(inbound, (Response, EventMessage))
            if isinstance(inbound, Response):
                assert inbound.number in (0, 1)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_only_the_answer_to_the_request_in_flight_counts(kind: int, op: int, number: int, body: bytes) -> None:
    session = _session()
    found = session.feed(encode_frame(bytes([kind, op]) + number.to_bytes(4, "big") + body))
    if session.pending is None:
        assert (kind, op, number) == (Kind.RESPONSE, Op.INFO, 1) and body
    for inbound in found:
        if isinstance(inbound, EventMessage):
            events.decode(inbound)
        else:
            assert from_status(inbound.status).what


@given(st.binary(max_size=40))
@example(b"\x01" + bytes(8) + b"\x01\xff\xff\xff\xff\x02\x00\x02")
@example(b"\x01" + bytes(8) + b"\x00\x00\x00\x00\x00\x00\x00\x02")
def test_a_greeting_is_good_or_a_mismatch(body: bytes) -> None:
    session = Session(bytes(8))
    session.hello()
    with suppress(ProtocolMismatch):
        session.greet(Response(Op.HELLO, 0, 0, body))
        assert session.boot_id is not None
        assert session.request(Op.SLOTS)


@given(st.binary(max_size=60))
def test_script_answers(body: bytes) -> None:
    with suppress(TourneeError):
        answers = events.script_answers(body)
        assert sum(len(a.data) for a in answers) <= len(body) and all(a.step < 0x80 for a in answers)


@given(st.binary(max_size=900), st.lists(st.integers(0, 300), max_size=6), st.integers(0, 6))
def test_answers_cut_into_parts_come_whole_or_are_asked_for_again(whole: bytes, sizes: list[int], lost: int) -> None:
    parts, at = Parts(), 0
    parts.begin(5)
    for i, size in enumerate(sizes):
        size = min(size, len(whole) - at)
        if i != lost:
            parts.take(link.Part.build({"number": 5, "offset": at, "data": whole[at : at + size]}))
        elif not size:
            lost = len(sizes)
        at += size
    got = parts.whole(link.ScriptReply.build({"offset": at, "answers": whole[at:]}))
    assert got == (whole if lost >= len(sizes) else None)
    assert parts.whole(link.ScriptReply.build({"offset": 0, "answers": whole})) == whole


@given(st.binary(max_size=40))
def test_any_part_and_any_reply(body: bytes) -> None:
    parts = Parts()
    parts.take(body)
    got = parts.whole(body)
    assert got is None or len(got) <= 2 * len(body)


@given(st.text(max_size=40))
def test_any_url(text: str) -> None:
    for url in (text, "tcp:" + text, "ble:" + text):
        with suppress(BadUrl):
            assert parse(url).scheme
