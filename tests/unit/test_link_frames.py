"""Frames: the host codec against the construct definition, and resynchronisation after garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tournee.link.frames import Frame, FrameDecoder, encode_frame
from tournee_protocol import link

payloads = st.binary(max_size=link.MAX_PAYLOAD)
seqs = st.integers(0, 0xFFFF)


def _construct(payload: bytes, flags: int, seq: int) -> bytes:
    built: bytes = link.Frame.build({"body": {"value": {"flags": flags, "seq": seq, "payload": payload}}})
    return built


@given(payloads, st.sampled_from([0, 1, 0x80, 0x81]), seqs)
def test_same_bytes_as_the_definition(payload: bytes, flags: int, seq: int) -> None:
    raw = encode_frame(payload, flags=flags, seq=seq)
    assert raw == _construct(payload, flags, seq)
    assert list(FrameDecoder().feed(raw)) == [Frame(link.Flag(flags), seq, payload)]


@given(st.lists(payloads, max_size=4), st.integers(1, 700))
def test_any_cut_of_the_stream_gives_the_same_frames(bodies: list[bytes], step: int) -> None:
    stream = b"".join(encode_frame(body, seq=i) for i, body in enumerate(bodies))
    decoder = FrameDecoder()
    found = [f for at in range(0, len(stream), step) for f in decoder.feed(stream[at : at + step])]
    assert [f.payload for f in found] == bodies
    assert not decoder.partial


@given(st.binary(max_size=200), payloads)
def test_a_frame_after_garbage_is_found_once_the_line_was_silent(garbage: bytes, payload: bytes) -> None:
    decoder = FrameDecoder()
    frames = [*decoder.feed(garbage), *decoder.idle(), *decoder.feed(encode_frame(payload, seq=7)), *decoder.idle()]
    assert frames[-1] == Frame(link.Flag(0), 7, payload)


@pytest.mark.parametrize("position", range(24))
def test_one_damaged_byte_loses_that_frame_only(position: int) -> None:
    first, second = bytearray(encode_frame(b"twelve bytes", seq=1)), encode_frame(b"after", seq=2)
    first[position] ^= 0x10
    decoder = FrameDecoder()
    frames = [*decoder.feed(bytes(first) + second), *decoder.idle()]
    assert [f.payload for f in frames] == [b"after"]


def test_a_length_beyond_the_limit_is_refused_before_its_bytes_come() -> None:
    decoder = FrameDecoder()
    head = link.SYNC + bytes([link.VERSION, 0, 0, 0]) + (link.MAX_PAYLOAD + 1).to_bytes(2, "big")
    assert list(decoder.feed(head + encode_frame(b"good"))) == [Frame(link.Flag(0), 0, b"good")]


def test_an_unknown_flag_or_version_is_not_a_frame() -> None:
    good = encode_frame(b"x")
    for at, value in ((2, 2), (3, 0x40)):
        bad = bytearray(good)
        bad[at] = value
        assert list(FrameDecoder().feed(bytes(bad))) == []


def test_a_payload_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="512"):
        encode_frame(bytes(513))
