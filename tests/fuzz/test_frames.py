"""Frames on hostile streams: what the host finds, what construct finds, and what the firmware finds in real MicroPython, are the same."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tournee.link.assembly import Assembler
from tournee.link.channel import NullChannel
from tournee.link.frames import FrameDecoder
from tournee_protocol import link
from tournee_protocol.gen.vectors import frame
from tournee_sim.pytest_plugin import need

ROOT = Path(__file__).resolve().parents[2]
IDLE = "idle"


def host(pieces: list[bytes | str]) -> list[bytes]:
    """Messages that the host's decoder finds."""
    decoder, assembler = FrameDecoder(), Assembler(NullChannel(), link.MAX_REQUEST)
    found = []
    for piece in pieces:
        frames = decoder.idle() if isinstance(piece, str) else decoder.feed(piece)
        found += [m for f in frames if (m := assembler.take(f)) is not None]
    return [m for m in found if m]


def by_construct(data: bytes) -> list[tuple[int, bytes]]:
    """(seq, payload) of the good frames in a stream that is over, found the slow way: construct at every offset."""
    found, at = [], 0
    while at < len(data):
        try:
            parsed = link.Frame.parse(data[at:])
        except construct.ConstructError:
            at += 1
            continue
        value = parsed.body.value
        if value.flags & ~int(link.Flag.MORE | link.Flag.SEALED) or value.length > link.MAX_PAYLOAD:
            at += 1
            continue
        found.append((value.seq, bytes(value.payload)))
        at += link.HEADER_BYTES + value.length + link.CRC_BYTES
    return found


payloads = st.one_of(
    st.binary(max_size=40), st.just(link.SYNC * 3), st.binary(max_size=5).map(lambda b: link.SYNC + b"\x01\0" + b)
)
good = st.builds(frame, payloads, st.integers(0, 65535))
cut = st.builds(lambda raw, n: raw[: n % (len(raw) + 1)], good, st.integers(0, 60))
flipped = st.builds(
    lambda raw, n: raw[: n % len(raw)] + bytes([raw[n % len(raw)] ^ 0x10]) + raw[n % len(raw) + 1 :],
    good,
    st.integers(0, 60),
)
junk = st.one_of(
    st.binary(max_size=30), st.lists(st.sampled_from([b"\xa5", b"\x5a", b"\x01", b"\x00"]), max_size=12).map(b"".join)
)


@given(st.lists(st.one_of(good, cut, flipped, junk), max_size=8), st.lists(st.integers(1, 50), max_size=20))
def test_the_incremental_decoder_finds_what_construct_finds(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    decoder = FrameDecoder()
    found = []
    at = 0
    for n in [*cuts, len(data)]:
        found += [(f.seq, f.payload) for f in decoder.feed(data[at : at + n])]
        at += n
    found += [(f.seq, f.payload) for f in decoder.idle()]
    assert found == by_construct(data)


@given(payloads, st.integers(0, 65535), st.binary(max_size=600))
def test_a_frame_after_any_garbage_and_silence_is_found(payload: bytes, seq: int, garbage: bytes) -> None:
    decoder = FrameDecoder()
    before = [*decoder.feed(garbage), *decoder.idle()]
    assert [f.payload for f in decoder.feed(frame(payload, seq))] == [payload]
    assert len(before) == len(by_construct(garbage))


def _stream(rng: random.Random) -> list[bytes | str]:
    """Frames of messages in order, some lost, cut, doubled or damaged, with garbage and silences between."""
    pieces: list[bytes | str] = []
    seq = rng.choice((0, 0, 65534))
    for _ in range(rng.randrange(1, 12)):
        payload = rng.randbytes(rng.choice((0, 6, 30, 200, 512)))
        raw = frame(payload, seq, rng.choice((0, 0, 0, 1, 0x80)))
        seq = (seq + 1) & 0xFFFF
        fate = rng.randrange(10)
        if fate == 0:
            continue
        if fate == 1:
            raw = raw[: rng.randrange(len(raw))]
        elif fate == 2:
            at = rng.randrange(len(raw))
            raw = raw[:at] + bytes([raw[at] ^ (1 << rng.randrange(8))]) + raw[at + 1 :]
        elif fate == 3:
            raw += raw
        elif fate == 4:
            raw = (
                rng.randbytes(rng.randrange(20))
                + rng.choice((b"", b"\xa5", b"\xa5\x5a", b"\xa5\x5a\x01\x00\x00\x00\x01\xff"))
                + raw
            )
        elif fate == 5:
            seq = 0
        at = rng.randrange(len(raw) + 1)
        pieces += [p for p in (raw[:at], raw[at:]) if p]
        if rng.randrange(6) == 0:
            pieces.append(IDLE)
    return [*pieces, IDLE]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_firmware_finds_what_the_host_finds(seed: int) -> None:
    """Differential: 2 000 hostile streams through the receiver of the firmware, in MicroPython."""
    need("micropython")
    from tournee_sim.boards.unix import find_micropython

    rng = random.Random(seed)
    streams = [_stream(rng) for _ in range(1000)]
    lines = "".join(" ".join(p if isinstance(p, str) else p.hex() for p in s) + "\n" for s in streams)
    command = [find_micropython(), "-X", "heapsize=320k", str(ROOT / "tests" / "firmware" / "streams.py"), str(ROOT)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(streams)
    whole = 0
    for stream, answer in zip(streams, answers, strict=True):
        expected = host(stream)
        assert [bytes.fromhex(w) for w in answer.split()] == expected, stream
        whole += len(expected)
    assert whole > 1000
