"""The sans-IO session: numbers, repetition, resumption, messages over several frames."""

from __future__ import annotations

import pytest

from tournee.link.frames import Frame, FrameDecoder, encode_frame
from tournee.link.session import EventMessage, ProtocolMismatch, Response, Session
from tournee_protocol import link
from tournee_protocol.link import Event, Flag, Kind, Op, Status

SESSION = bytes(range(8))
BOOT = b"boot-one"


def _payload(frames: bytes) -> bytes:
    return b"".join(f.payload for f in FrameDecoder().feed(frames))


def _sent(frames: bytes) -> tuple[int, int, bytes]:
    message = link.Message.parse(_payload(frames))
    assert message.kind == Kind.REQUEST
    return message.op, message.number, message.body


def _response(op: Op, number: int, status: int = 0, body: bytes = b"") -> bytes:
    built: bytes = link.Message.build(
        {"kind": Kind.RESPONSE, "op": op, "number": number, "body": bytes([status]) + body}
    )
    return built


def _hello_reply(boot: bytes = BOOT, resumed: int = 0, last: int = 0, payload: int = 512) -> Response:
    body = link.HelloReply.build(
        {
            "protocol": 1,
            "boot_id": boot,
            "resumed": resumed,
            "last_number": last,
            "max_payload": payload,
            "slots": 2,
        }
    )
    return Response(Op.HELLO, 0, 0, body)


@pytest.fixture
def session() -> Session:
    made = Session(SESSION)
    made.hello()
    assert not made.greet(_hello_reply()).resumed
    return made


def test_hello_carries_version_and_session() -> None:
    frames = Session(SESSION).hello()
    assert _sent(frames) == (Op.HELLO, 0, bytes([link.VERSION]) + SESSION)
    assert [f.seq for f in FrameDecoder().feed(frames)] == [0]


def test_numbers_grow_by_one_and_a_repeat_keeps_its_own(session: Session) -> None:
    assert _sent(session.request(Op.INFO))[1] == 1
    assert _sent(session.repeat())[1] == 1
    assert session.feed(encode_frame(_response(Op.INFO, 1, body=b"x"))) == [Response(Op.INFO, 1, 0, b"x")]
    assert session.repeat() == b""
    assert _sent(session.request(Op.SLOTS))[1] == 2


def test_an_abandoned_number_is_never_used_again_and_its_late_answer_is_ignored(session: Session) -> None:
    session.request(Op.PIN_VERIFY, b"template")
    session.abandon()
    assert _sent(session.request(Op.SLOTS))[1] == 2
    assert session.feed(encode_frame(_response(Op.PIN_VERIFY, 1))) == []
    assert session.pending == Op.SLOTS


def test_an_answer_with_the_right_number_and_another_op_is_ignored(session: Session) -> None:
    session.request(Op.SLOTS)
    assert session.feed(encode_frame(_response(Op.INFO, 1))) == []


def test_busy_keeps_the_request_pending(session: Session) -> None:
    session.request(Op.SLOTS)
    assert session.feed(encode_frame(_response(Op.SLOTS, 1, Status.BUSY)))
    assert _sent(session.repeat())[1] == 1


def test_resumed_repeats_the_same_number(session: Session) -> None:
    session.request(Op.PIN_VERIFY, b"template")
    session.hello()
    greeting = session.greet(_hello_reply(resumed=1, last=1))
    assert (greeting.resumed, greeting.restarted) == (True, False)
    assert _sent(session.repeat()) == (Op.PIN_VERIFY, 1, b"template")


@pytest.mark.parametrize(("boot", "resumed"), [(b"boot-two", 0), (b"boot-two", 1), (BOOT, 0)])
def test_a_forgotten_session_repeats_nothing(session: Session, boot: bytes, resumed: int) -> None:
    session.request(Op.PIN_VERIFY, b"template")
    session.hello()
    greeting = session.greet(_hello_reply(boot, resumed))
    assert not greeting.resumed
    assert greeting.restarted == (boot != BOOT)
    assert session.repeat() == b""
    assert session.pending is None


def test_after_a_resumed_hello_the_next_number_is_above_what_the_terminal_has_seen(session: Session) -> None:
    session.hello()
    session.greet(_hello_reply(resumed=1, last=9))
    assert _sent(session.request(Op.INFO))[1] == 10


def test_a_request_is_cut_to_the_terminals_payload(session: Session) -> None:
    session.hello()
    session.greet(_hello_reply(payload=100))
    frames = list(FrameDecoder().feed(session.request(Op.SCRIPT, bytes(300))))
    assert [f.flags for f in frames] == [Flag.MORE, Flag.MORE, Flag.MORE, Flag(0)]
    assert max(len(f.payload) for f in frames) == 100
    assert [f.seq for f in frames] == [1, 2, 3, 4]


def test_a_request_too_long_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="1024"):
        session.request(Op.SCRIPT, bytes(1019))


def _frames(message: bytes, seq: int) -> list[bytes]:
    cuts = [message[:300], message[300:600], message[600:]]
    return [encode_frame(c, flags=1 if i < 2 else 0, seq=seq + i) for i, c in enumerate(cuts)]


def _three_frames(session: Session) -> tuple[bytes, list[bytes]]:
    session.request(Op.APDU, b"\0\0")
    message = _response(Op.APDU, 1, body=bytes(range(250)) * 3)
    return message, _frames(message, 0)


def test_a_message_over_several_frames(session: Session) -> None:
    message, frames = _three_frames(session)
    assert session.feed(frames[0] + frames[1]) == []
    assert session.feed(frames[2]) == [Response(Op.APDU, 1, 0, message[7:])]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_frame_lost_loses_that_message_and_nothing_wrong_comes_out(session: Session, lost: int) -> None:
    session.feed(encode_frame(_response(Op.HELLO, 0), seq=0xFFFF))
    message, frames = _three_frames(session)
    assert session.feed(b"".join(f for i, f in enumerate(frames) if i != lost)) == []
    found = session.feed(b"".join(_frames(message, 3))) or session.feed(
        b"".join(_frames(message, 6))
    )  # the host repeats when nothing came
    assert found == [Response(Op.APDU, 1, 0, message[7:])]


def test_a_message_beyond_the_limit_is_dropped(session: Session) -> None:
    session.request(Op.APDU, b"\0\0")
    part = _response(Op.APDU, 1) + bytes(505)
    for i in range(20):
        assert session.feed(encode_frame(part, flags=1, seq=i)) == []
    assert session.feed(encode_frame(b"", seq=20)) == []
    assert session.feed(encode_frame(_response(Op.APDU, 1), seq=21)) == [Response(Op.APDU, 1, 0, b"")]


def test_events_come_out_between_answers(session: Session) -> None:
    event = link.Message.build({"kind": Kind.EVENT, "op": Event.SLOT, "number": 3, "body": b"\1\0"})
    assert session.feed(encode_frame(event)) == [EventMessage(Event.SLOT, 3, b"\1\0")]


def test_a_sealed_frame_is_ignored_on_the_null_channel(session: Session) -> None:
    session.request(Op.INFO)
    assert session.feed(encode_frame(_response(Op.INFO, 1), flags=Flag.SEALED)) == []
    assert session.channel == "none"


def test_hello_of_another_version_is_named() -> None:
    session = Session(SESSION)
    session.hello()
    with pytest.raises(ProtocolMismatch, match="version 2"):
        session.greet(Response(Op.HELLO, 0, 0, b"\2" + bytes(15)))
    with pytest.raises(ProtocolMismatch):
        session.greet(Response(Op.HELLO, 0, 0, b"\1\2"))


def test_a_tail_without_its_head_is_no_message() -> None:
    assert isinstance(Frame(Flag(0), 0, b""), Frame)
    session = Session(SESSION)
    assert session.feed(encode_frame(b"\2") + encode_frame(b"", seq=1)) == []


def _part(number: int, offset: int, data: bytes) -> bytes:
    body = link.Part.build({"number": number, "offset": offset, "data": data})
    made: bytes = link.Message.build({"kind": Kind.EVENT, "op": Event.PART, "number": 1, "body": body})
    return made


def _script_reply(number: int, offset: int, answers: bytes) -> bytes:
    return _response(Op.SCRIPT, number, body=link.ScriptReply.build({"offset": offset, "answers": answers}))


def test_what_a_script_answered_ahead_is_put_before_the_rest(session: Session) -> None:
    session.request(Op.SCRIPT, b"\0")
    assert session.feed(encode_frame(_part(1, 0, b"ab"), seq=0) + encode_frame(_part(1, 2, b"cd"), seq=1)) == []
    got = session.feed(encode_frame(_script_reply(1, 4, b"ef"), seq=2))
    assert got == [Response(Op.SCRIPT, 1, 0, b"abcdef")]


def test_an_answer_of_which_a_part_is_missing_is_asked_for_again(session: Session) -> None:
    session.request(Op.SCRIPT, b"\0")
    session.feed(encode_frame(_part(1, 0, b"ab"), seq=0) + encode_frame(_part(1, 4, b"ef"), seq=1))
    assert session.feed(encode_frame(_script_reply(1, 6, b"gh"), seq=2)) == []
    assert _sent(session.repeat())[1] == 1
    assert session.feed(encode_frame(_script_reply(1, 0, b"abcdefgh"), seq=3)) == [
        Response(Op.SCRIPT, 1, 0, b"abcdefgh")
    ]


def test_parts_of_another_request_and_of_a_lost_connection_do_not_count(session: Session) -> None:
    session.request(Op.SCRIPT, b"\0")
    session.feed(encode_frame(_part(1, 0, b"old"), seq=0))
    session.hello()
    session.greet(_hello_reply(resumed=1))
    session.repeat()
    assert session.feed(encode_frame(_script_reply(1, 3, b"x"), seq=0)) == []
    assert session.feed(encode_frame(_script_reply(1, 0, b"oldx"), seq=1)) == [Response(Op.SCRIPT, 1, 0, b"oldx")]
    session.request(Op.SCRIPT, b"\0")
    session.feed(encode_frame(_part(1, 0, b"old"), seq=2))
    assert session.feed(encode_frame(_script_reply(2, 0, b"new"), seq=3)) == [Response(Op.SCRIPT, 2, 0, b"new")]
