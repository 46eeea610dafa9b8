"""Files that `tournee b2` writes appear whole, right and together, or not at all; what may go in and out besides plain files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot
from tournee.cli import b2_source
from tournee.cli.app import tree
from tournee.cli.errors import run_guarded
from tournee.cli.whole import Outputs

_COMMAND = [sys.executable, "-m", "tournee.cli", "b2"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs posix: pipes and signals")


def _file(path: Path, *lots: tuple[int, int], identification: str = "F00001", **changes: Any) -> Path:
    """A file of lots (number, first bill), two bills each."""
    made = tuple(
        Lot(
            numero_lot=number,
            date_lot=JOUR,
            factures=tuple(signee(bill + i, **changes) for i in range(2)),
            signatures=(signature(),),
        )
        for number, bill in lots
    )
    path.write_bytes(fichier_bytes(Fichier(identification=identification, date_creation=JOUR, lots=made)))
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return _file(tmp_path / "good.b2", (1, 1), (2, 11), (3, 21))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*arguments: object) -> tuple[int, str, str]:
        code = run_guarded(tree, ["b2", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize(
    ("lots", "changes", "said"),
    [
        ([(9, 1)], {}, "résultat out.b2 : enregistrement 99 (type 2), champ numero_facture, position 30 : numéro déjà"),
        ([(9, 91)], {"type_flux": "R"}, "champ type_flux, position 71 : valeur différente"),
        ([(2, 91)], {}, "champ numero_lot, position 20 : numéro déjà utilisé (2 other.b2)"),
        ([(9, 91), (9, 93)], {}, "other.b2 : enregistrement"),
    ],
    ids=["bill twice", "real beside test", "lot twice", "wrong source"],
)
def test_a_merge_that_would_be_wrong_leaves_the_good_file_of_before(run, good, tmp_path, lots, changes, said) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "other.b2"
    if len(lots) == 1:
        _file(other, *lots, identification="F00002", **changes)
    else:
        data = _file(other, (8, 91), (9, 93)).read_bytes()
        other.write_bytes(data.replace(b"TP991008", b"TP991009"))
    out = tmp_path / "out.b2"
    out.write_bytes(b"good")
    before = _names(tmp_path)
    code, _, err = run("merge", good, other, "-o", out, "--identification", "ABCDEF")
    assert code == 3 and said in err
    assert out.read_bytes() == b"good" and _names(tmp_path) == before


def test_split_finds_a_lot_number_used_twice(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data = good.read_bytes().replace(b"TP991002", b"TP991001")
    assert data != good.read_bytes()
    good.write_bytes(data)
    code, out, err = run("split", good, "-o", tmp_path / "parts", "--lots", "9")
    assert code == 3 and not out and "good.b2 : " in err and _names(tmp_path) == ["good.b2"]


def test_split_writes_nothing_when_a_name_is_taken(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "P00002.b2").write_text("mine")
    code, out, err = run("split", good, "-o", parts)
    assert code == 2 and not out and "P00002.b2 existe déjà" in err and "→" in err
    assert _names(parts) == ["P00002.b2"] and (parts / "P00002.b2").read_text() == "mine"


def test_split_keeps_few_files_open_and_names_them_after_the_last_check(run, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    lots = _file(tmp_path / "lots.b2", *((n, 10 * n) for n in range(1, 41)))
    real, seen = b2_source.verify, []

    def watched(path: Path, *rest: str) -> int:
        seen.append([p for p in _names(tmp_path / "parts") if not p.endswith(".part")])
        return real(path, *rest)

    monkeypatch.setattr("tournee.cli.b2_files.verify", watched)
    done: list[int] = []
    if os.name == "posix":
        import resource

        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = max(int(p.name) for p in Path("/dev/fd").iterdir() if p.name.isdigit())
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 12, limits[1]))
        try:
            done.append(run("split", lots, "-o", tmp_path / "parts")[0])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    else:
        done.append(run("split", lots, "-o", tmp_path / "parts")[0])
    assert done == [0] and seen == [[]] * 40 and len(_names(tmp_path / "parts")) == 40


@pytest.mark.parametrize("command", ["split", "merge"])
@pytest.mark.parametrize("name", ["noemie", "crlf", "bom"])
def test_what_cannot_be_split_is_named(run, good: Path, tmp_path: Path, command: str, name: str) -> None:  # type: ignore[no-untyped-def]
    data = good.read_bytes()
    golden = Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt"
    content, said = {
        "noemie": (golden.read_text("ascii").replace("\n", "").encode(), "pas de lots de factures (NOEMIE"),
        "crlf": (b"\r\n".join(data[i : i + 128] for i in range(0, len(data), 128)), "CR LF"),
        "bom": (b"\xef\xbb\xbf" + data, "UTF-8"),
    }[name]
    good.write_bytes(content)
    identification = ["--identification", "ABCDEF"] if command == "merge" else []
    code, _, err = run(command, good, "-o", tmp_path / "made", *identification)
    assert code == 3 and said in err and "→" in err and _names(tmp_path) == ["good.b2"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (slice(4, None), "résultat made.b2 : enregistrement 1 (type 4) : enregistrement mal placé"),
        (slice(0, -1), "enregistrement incomplet"),
        (slice(0, 0), "fichier vide"),
    ],
)
def test_encode_refuses_what_check_would_refuse(run, good: Path, tmp_path: Path, lines: slice, said: str) -> None:  # type: ignore[no-untyped-def]
    text = run("decode", good)[1].splitlines(keepends=True)
    source = tmp_path / "lines.jsonl"
    source.write_text("".join(text[lines]), "utf-8")
    code, _, err = run("encode", source, "-o", tmp_path / "made.b2")
    assert code == 3 and said in err and _names(tmp_path) == ["good.b2", "lines.jsonl"]


def test_encode_names_the_line_that_is_no_text(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = tmp_path / "lines.jsonl"
    source.write_bytes('{"type": "é"}'.encode("latin-1"))
    code, _, err = run("encode", source, "-o", tmp_path / "made.b2")
    assert code == 3 and "enregistrement 1" in err and "UTF-8" in err
    source.write_text('{"type": "5", "values": {"total_amo": ' + "9" * 5000 + "}}")
    code, _, err = run("encode", source, "-o", tmp_path / "made.b2")
    assert code == 3 and "ligne JSON illisible" in err and _names(tmp_path) == ["lines.jsonl"]


@posix
def test_links_stay_and_rights_are_kept(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    target, link = tmp_path / "target.b2", tmp_path / "link.b2"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to("target.b2")
    (tmp_path / "link.b2.part").write_text("mine")
    assert run("merge", good, "-o", link, "--identification", "F00001")[0] == 0
    assert link.is_symlink() and target.read_bytes() == good.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o640 and (tmp_path / "link.b2.part").read_text() == "mine"
    assert run("merge", good, "-o", tmp_path / "new.b2", "--identification", "F00001")[0] == 0
    assert (tmp_path / "new.b2").stat().st_mode == good.stat().st_mode


@posix
def test_a_pipe_or_device_is_written_into(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert run("merge", good, "-o", pipe, "--identification", "F00001")[0] == 0
    reader.join()
    assert got == [good.read_bytes()] and pipe.is_fifo()
    assert run("merge", good, "-o", "/dev/null", "--identification", "F00001")[0] == 0
    assert Path("/dev/null").is_char_device() and _names(tmp_path) == ["good.b2", "pipe"]


@posix
def test_the_standard_output_goes_on_where_it_stood(good: Path, tmp_path: Path) -> None:
    everything = tmp_path / "all"
    everything.write_bytes(b"before")
    with everything.open("ab") as out:
        command = [*_COMMAND, "merge", good, "-o", "/dev/stdout", "--identification", "F00001"]
        subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=True)
    assert everything.read_bytes() == b"before" + good.read_bytes()


@posix
@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_every_command_reads_what_comes_by_a_pipe(good: Path, tmp_path: Path, source: str) -> None:
    """`cat good.b2 | tournee b2 … -`; a process substitution is the same pipe under another name."""
    commands: list[list[str | Path]] = [
        ["decode", source],
        ["stats", source],
        ["split", source, "-o", tmp_path / "parts"],
        ["merge", source, "-o", tmp_path / "merged.b2", "--identification", "F00001"],
        ["diff", source, good],
    ]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for command in commands:
        with subprocess.Popen(["cat", good], stdout=subprocess.PIPE) as cat:
            done = subprocess.run(
                [*_COMMAND, *command],
                stdin=cat.stdout,
                capture_output=True,
                check=False,
                env=os.environ | {"TMPDIR": str(temporary)},
            )
        assert done.returncode == 0, (command, done.stderr)
        assert not _names(temporary)
    assert (tmp_path / "merged.b2").read_bytes() == good.read_bytes() and len(_names(tmp_path / "parts")) == 3


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_half_written(good: Path, tmp_path: Path, number: int) -> None:
    """It comes when all is written and is being verified."""
    out = tmp_path / "out.b2"
    out.write_bytes(b"good")
    program = (
        "import signal, sys\nfrom tournee.cli import b2_files\nfrom tournee.cli.app import run\n"
        "def slow(*_):\n    print('ready', flush=True)\n    signal.pause()\nb2_files.verify = slow\n"
        "run(sys.argv[1:])\n"
    )
    command = ["b2", "merge", str(good), "-o", str(out), "--identification", "F00001"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        assert len(_names(tmp_path)) == 3
        child.send_signal(number)
        child.communicate()
    assert child.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert out.read_bytes() == b"good" and _names(tmp_path) == ["good.b2", "out.b2"]


def test_names_given_before_a_fault_are_taken_back(tmp_path: Path) -> None:
    with pytest.raises(OSError), Outputs() as outputs:
        outputs.folder(tmp_path / "a" / "b")
        first, second = (outputs.begin(tmp_path / "a" / "b" / name) for name in ("1", "2"))
        first.write_text("x")
        second.unlink()
        outputs.publish()
    assert not _names(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("split", good, "-o", good / "parts")
    assert code == 2 and f"{good / 'parts'} : " in err and _names(tmp_path) == ["good.b2"]
    code, _, err = run("merge", good, "-o", tmp_path / "none" / "out.b2", "--identification", "F00001")
    assert code == 2 and f"{tmp_path / 'none' / 'out.b2'} : " in err
