"""Where the output goes is not ours to choose: terminals without é, full disks, readers that leave; no good file meets "Erreur interne"."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot

_COMMAND = [sys.executable, "-m", "tournee.cli"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs posix: /dev/full, limits and pipes")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.b2"
    lots = tuple(
        Lot(numero_lot=n, date_lot=JOUR, factures=(signee(n),), signatures=(signature(),)) for n in range(1, 120)
    )
    path.write_bytes(fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=lots)))
    return path


def _run(*arguments: object, encoding: str = "utf-8", **options: object) -> subprocess.CompletedProcess[bytes]:
    variables = os.environ | {"PYTHONIOENCODING": encoding, "TOURNEE_DEBUG": ""}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*_COMMAND, *map(str, arguments)], env=variables, check=False, **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp850"])
def test_a_terminal_without_our_letters_shows_the_rest(good: Path, tmp_path: Path, encoding: str) -> None:
    bad = tmp_path / "bad.b2"
    bad.write_bytes(b"\xef\xbb\xbf" + good.read_bytes().replace(b"VG", b"vg"))
    commands: list[tuple[int, list[object]]] = [
        (0, ["b2", "check", good]),
        (0, ["b2", "show", good, "--lot", "1"]),
        (0, ["b2", "stats", good]),
        (0, ["b2", "split", good, "-o", tmp_path / "parts"]),
        (0, ["b2", "split", "--help"]),
        (3, ["b2", "check", bad]),
        (3, ["b2", "decode", bad]),
        (3, ["b2", "diff", good, bad]),
        (2, ["b2", "show", "é"]),
        (0, ["bill", "--help"]),
    ]
    for code, command in commands:
        done = _run(*command, encoding=encoding)
        assert done.returncode == code and done.stdout + done.stderr, (command, done.stderr)
        assert b"interne" not in done.stderr


def test_json_says_the_same_whatever_the_terminal(good: Path) -> None:
    good.write_bytes(good.read_bytes().replace(b"185059900", b"18505x900", 1))
    said = [json.loads(_run("b2", "check", good, "--json", encoding=e).stdout) for e in ("utf-8", "ascii", "cp1252")]
    assert said[0] == said[1] == said[2] and "caractère" in said[0]["faults"][0]["text"]


@posix
@pytest.mark.parametrize("command", ["decode", "show", "check", "stats"])
def test_a_full_disk_is_not_our_bug(good: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = _run("b2", command, good, stdout=full)
    assert done.returncode == 2 and "plus de place sur le disque" in done.stderr.decode()
    assert b"interne" not in done.stderr and b"Exception" not in done.stderr


@posix
@pytest.mark.parametrize(
    "command", ["decode --csv", "decode --parquet", "split -o", "merge --identification F00001 -o", "encode -o"]
)
def test_a_file_that_may_not_grow_leaves_nothing(good: Path, tmp_path: Path, command: str) -> None:
    import resource

    if "parquet" in command:
        pytest.importorskip("pyarrow", reason="extra `analysis`")
    source = good
    if command.startswith("encode"):
        source = tmp_path / "lines.jsonl"
        source.write_bytes(_run("b2", "decode", good).stdout)
    before = sorted(p.name for p in tmp_path.iterdir())
    words = command.split()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    done = _run("b2", words[0], source, *words[1:], tmp_path / "made", preexec_fn=limit)
    assert done.returncode == 2 and "fichier plus grand" in done.stderr.decode() and "→" in done.stderr.decode()
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@posix
@pytest.mark.parametrize("command", ["decode", "show"])
def test_a_reader_that_left_ends_it_quietly(good: Path, command: str) -> None:
    with subprocess.Popen(
        [*_COMMAND, "b2", command, str(good)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b"" and child.wait() == 0
