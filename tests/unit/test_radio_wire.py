"""The values between MicroPython's `bluetooth` module and the radio host: written and read by both with the same code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tournee_sim.pytest_plugin import need
from tournee_sim.radio import SHIM_DIR
from tournee_sim.radio.mpy import tagged

MESSAGES = [
    ("active", True),
    ("gap_advertise", 100_000, b"\x02\x01\x06", None, False),
    (0, ((3, 6, 9), (12,))),
    (-1, 2**40, "é", b"", bytes(range(256))),
    (),
]


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_what_is_written_is_read(message: tuple[object, ...]) -> None:
    data = tagged.encode(message)
    assert int.from_bytes(data[:2], "little") == len(data) - 2
    assert tagged.encode(tagged.decode(data, 2, len(data))) == data


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"i\0\0", "cut at byte 1"),
        (b"b\x05\0ab", "cut at byte 3"),
        (b"s\x01\0\xff", "not UTF-8"),
        (b"n?\0\0", "unknown tag 63"),
        (tagged.encode([[[[[[[[[[1]]]]]]]]]])[2:], "nested too deeply"),
    ],
)
def test_bad_bytes_are_named(body: bytes, words: str) -> None:
    with pytest.raises(tagged.WireError, match=words):
        tagged.decode(body, 0, len(body))


def test_micropython_writes_and_reads_the_same_bytes() -> None:
    need("micropython")
    script = "\n".join(
        (
            "import tagged",
            f"for text in {json.dumps([tagged.encode(one).hex() for one in MESSAGES])}:",
            "    data = bytes.fromhex(text)",
            "    print(tagged.encode(tagged.decode(data, 2, len(data))).hex())",
        )
    )
    micropython = shutil.which("micropython") or str(Path(sys.executable).with_name("micropython"))
    done = subprocess.run(
        [micropython, "-c", script],
        env=dict(os.environ, MICROPYPATH=f"{SHIM_DIR}:.frozen"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.split() == [tagged.encode(one).hex() for one in MESSAGES], done.stderr
