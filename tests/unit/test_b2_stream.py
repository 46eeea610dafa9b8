"""E9: files of any size in constant memory, random access, split and merge with totals made anew."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2 import pytwin
from tournee.b2.errors import B2Error, Problem
from tournee.b2.facture import facture_signee_records
from tournee.b2.files import fichier_bytes
from tournee.b2.lots import lot_records
from tournee.b2.model import Fichier, Lot
from tournee.b2.plan import plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.records import sv_sim_1 as sv
from tournee.b2.scan import scan, scan_python
from tournee.b2.stream import Ecrivain, index, lire_a, lots, partager, reunir
from tournee.b2.twin import decode

_NOEMIE = Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt"


def _lot(numero: int, bills: int = 3) -> Lot:
    return Lot(
        numero_lot=numero,
        date_lot=JOUR,
        factures=tuple(signee(100 * numero + i) for i in range(bills)),
        signatures=(signature(),),
    )


def _file(*numbers: int, identification: str = "F00001") -> bytes:
    return fichier_bytes(
        Fichier(identification=identification, date_creation=JOUR, lots=tuple(_lot(n) for n in numbers))
    )


def test_streamed_file_is_the_same_bytes() -> None:
    whole = _file(1, 2, 3)
    out = io.BytesIO()
    writer = Ecrivain(out, decode(whole)[0])
    for number in (1, 2, 3):
        writer.ecrire(iter(lot_records(_lot(number))))
    assert writer.fermer() == len(whole) // 128
    assert out.getvalue() == whole


def test_index_gives_random_access() -> None:
    data = _file(1, 2)
    entries = list(index(io.BytesIO(data)))
    assert [(e.numero_lot, e.numero_facture) for e in entries] == [
        (1, 100),
        (1, 101),
        (1, 102),
        (1, None),
        (2, 200),
        (2, 201),
        (2, 202),
        (2, None),
    ]
    bill = next(e for e in entries if e.numero_facture == 201)
    assert lire_a(io.BytesIO(data), bill) == facture_signee_records(signee(201))
    assert {e.numero_emetteur for e in entries} == {"991129768"}
    lot = next(e for e in entries if e.numero_lot == 2 and e.numero_facture is None)
    assert lire_a(io.BytesIO(data), lot) == lot_records(_lot(2))


def test_split_and_merge_give_right_files_and_the_same_lots() -> None:
    data = _file(1, 2, 3, 4, 5)
    parts: dict[int, io.BytesIO] = {}

    def open_part(number: int) -> io.BytesIO:
        return parts.setdefault(number, io.BytesIO())

    counts = partager(io.BytesIO(data), open_part, lambda n: f"P{n:05d}", max_lots=2)
    assert [scan(p.getvalue())["1"] for p in parts.values()] == [2, 2, 1]
    assert counts == [len(p.getvalue()) // 128 for p in parts.values()]
    names = [decode(p.getvalue()[:128])[0].identification_fichier for p in parts.values()]
    assert names == ["P00001", "P00002", "P00003"]
    merged = io.BytesIO()
    reunir(parts.values(), merged, "F00001")
    assert merged.getvalue() == data
    merged.seek(0)
    assert b"".join(d for _, d in lots(merged)) == data[128:-128]


@pytest.mark.parametrize("cut", [128, 200, 128 * 5])
def test_a_cut_file_is_not_split_silently(cut: int) -> None:
    data = _file(1, 2)[:-cut]
    with pytest.raises(B2Error) as caught:
        partager(io.BytesIO(data), lambda n: io.BytesIO(), str, max_lots=1)
    assert caught.value.problem is Problem.TRUNCATED
    with pytest.raises(B2Error):
        list(index(io.BytesIO(data)))


def test_merge_refuses_other_destinations_and_one_lot_twice() -> None:
    other = fichier_bytes(
        Fichier(
            identification="F00002",
            date_creation=JOUR,
            lots=(Lot(numero_lot=9, date_lot=JOUR, factures=(signee(1, caisse="992"),)),),
        )
    )
    with pytest.raises(B2Error) as caught:
        reunir([io.BytesIO(_file(1)), io.BytesIO(other)], io.BytesIO(), "F00003")
    assert caught.value.key == ("mismatch", 1, "000", "numero_destinataire", 28)
    with pytest.raises(B2Error) as twice:
        reunir([io.BytesIO(_file(1)), io.BytesIO(_file(1))], io.BytesIO(), "F00003")
    assert twice.value.problem is Problem.DUPLICATE
    with pytest.raises(B2Error):
        reunir([], io.BytesIO(), "F00003")


def test_what_is_wrong_in_a_source_is_not_copied() -> None:
    """A record before the first lot, a total, a lot twice, a layout without lots: an error, never a file with less in it."""
    data = _file(1, 2)
    stray, total = data[:128] + data[256:384] + data[128:], bytearray(data)
    total[7 * 128 - 20] = ord("9")
    cut = data[: 128 * 10]
    foreign = io.BytesIO(_NOEMIE.read_text("ascii").replace("\n", "").encode())
    cases = [
        (stray, Problem.ORDER),
        (bytes(total), None),
        (cut, Problem.TRUNCATED),
        (b"", Problem.TRUNCATED),
        (data[:-128] + b"\n" + data[-128:], Problem.SEPARATOR),
    ]
    for wrong, problem in cases:
        for copy in (
            lambda d: partager(io.BytesIO(d), lambda n: io.BytesIO(), lambda n: f"P{n:05d}", 9),
            lambda d: reunir([io.BytesIO(_file(8)), io.BytesIO(d)], io.BytesIO(), "F00002"),
        ):
            with pytest.raises(B2Error) as caught:
                copy(wrong)
            assert problem in (None, caught.value.problem) or problem is Problem.SEPARATOR
    for refused in (
        lambda: partager(foreign, lambda n: io.BytesIO(), str, 1, "noemie"),
        lambda: reunir([foreign], io.BytesIO(), "F00002", "noemie"),
        lambda: list(index(foreign, "noemie")),
        lambda: list(lots(foreign, "loi-sv-sim-1")),
    ):
        with pytest.raises(B2Error) as caught:
            refused()
        assert caught.value.problem is Problem.LOTS


def test_merge_refuses_real_beside_test() -> None:
    real = bytearray(_file(2))
    for at in (70, len(real) - 128 + 70):
        real[at : at + 1] = b"R"
    with pytest.raises(B2Error) as caught:
        reunir([io.BytesIO(_file(1)), io.BytesIO(real)], io.BytesIO(), "F00003")
    assert caught.value.field == "type_flux"


class _Short(io.BytesIO):
    """A stream that gives less than it is asked for, as pipes do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 100) if size and size > 0 else size)


def test_streams_that_give_little_at_a_time_are_read_whole() -> None:
    assert list(index(_Short(_file(1, 2)))) == list(index(io.BytesIO(_file(1, 2))))


def test_the_python_twin_scans_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytwin, "_BLOCK", 7 * 128)
    data, twin = _file(1, 2), PyCodec(plan("sv-sim-1"))
    assert scan_python(twin, data) == scan(data)
    wrong = bytearray(data)
    wrong[30 * 128] = ord("x")
    with pytest.raises(B2Error) as caught:
        scan_python(twin, wrong)
    assert caught.value.record_number == 31


def test_count_that_does_not_fit_is_an_error() -> None:
    writer = Ecrivain(io.BytesIO(), decode(_file(1))[0])
    writer.ecrire_octets(b"", 1000)
    with pytest.raises(B2Error) as caught:
        writer.fermer()
    assert caught.value.key == ("overflow", 2, "999", "nombre_lots", 83)


def test_fault_in_a_stream_keeps_its_number() -> None:
    writer = Ecrivain(io.BytesIO(), decode(_file(1))[0])
    fin = decode(_file(1))[-1]
    with pytest.raises(B2Error) as caught:
        writer.ecrire([*lot_records(_lot(1)), fin._replace(nombre_lots=1000), sv.Signature])
    assert caught.value.record_number == 2 + len(lot_records(_lot(1)))


_MEMORY = """
import resource, sys
from tests.unit.b2_cases import JOUR, signee
from tournee.b2.lots import lot_records
from tournee.b2.model import Lot
from tournee.b2.facture import facture_records
from tournee.b2.files import fichier_records
from tournee.b2.model import Fichier
from tournee.b2.read import ouvrir
from tournee.b2.check import Controle
from tournee.b2.stream import Ecrivain, index

lot = Lot(numero_lot=1, date_lot=JOUR, factures=tuple(signee(n) for n in range(1, 21)))
debut = fichier_records(Fichier(identification="F00001", date_creation=JOUR, lots=(lot,)))[0]
records = lot_records(lot)

def run(lots):
    with open(sys.argv[1], "wb") as out:
        writer = Ecrivain(out, debut)
        for _ in range(lots):
            writer.ecrire(records)
        writer.fermer()
    with open(sys.argv[1], "rb") as source:
        assert sum(1 for _ in index(source)) > 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few = run(10)
many = run(int(sys.argv[2]))
print(many - few)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: object) -> None:
    """10 lots, then 500 lots (10 000 bills, 17 MB): the largest resident set grows by less than a quarter of the file."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, f"{tmp_path}/f.b2", "500"], capture_output=True, text=True, cwd=root, check=True
    )
    assert int(done.stdout) < 4_000  # kB
