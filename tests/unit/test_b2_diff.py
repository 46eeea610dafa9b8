"""`tournee b2 diff`: lots and bills matched by number; none listed if and only if equal; what is listed turns one file into the other."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.b2_cases import JOUR, ligne, signature, signee
from tournee.b2 import sections as sections_module
from tournee.b2.diff import Ecart, comparer
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot
from tournee.b2.read import ouvrir
from tournee.b2.sections import Sections
from tournee.cli.app import tree
from tournee.cli.errors import run_guarded


def _file(*lots: tuple[int, ...], lines: int = 1) -> bytes:
    """Lots 1, 2, … of bills with these numbers."""
    made = tuple(
        Lot(
            numero_lot=number,
            date_lot=JOUR,
            factures=tuple(signee(bill, lignes=(ligne(),) * lines) for bill in bills),
            signatures=(signature(),),
        )
        for number, bills in enumerate(lots, 1)
    )
    return fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=made))


_DATA = _file((1, 2), (3, 4), (5,))
_RECORDS = [_DATA[i : i + 128] for i in range(0, len(_DATA), 128)]


def _ecarts(before: bytes, after: bytes) -> list[Ecart]:
    with (
        Sections(ouvrir(io.BytesIO(before), "sv-sim-1")) as a,
        Sections(ouvrir(io.BytesIO(after), "sv-sim-1")) as b,
    ):
        return list(comparer(a, b))


def _applied(before: bytes, ecarts: list[Ecart]) -> list[str]:
    """The texts that `after` must have, in any order where records were moved."""
    texts = {i: before[at : at + 128].decode("latin-1") for i, at in enumerate(range(0, len(before), 128), 1)}
    changed = [e for e in ecarts if not e.avant or not e.apres or e.avant.text != e.apres.text]
    gone = {e.avant.number for e in changed if e.avant}
    come = {e.apres.number: e.apres.text for e in changed if e.apres}
    return sorted([text for number, text in texts.items() if number not in gone] + list(come.values()))


_edit = st.tuples(
    st.sampled_from(["set", "remove", "repeat", "swap"]),
    st.integers(0, len(_RECORDS) - 1),
    st.integers(0, len(_RECORDS) - 1),
    st.integers(0, 127),
    st.sampled_from(b"0579AZ \x80"),
)


def _edited(edits: list[tuple[str, int, int, int, int]]) -> bytes:
    records = list(_RECORDS)
    for kind, one, other, position, byte in edits:
        if not records:
            break
        one, other = one % len(records), other % len(records)
        if kind == "set":
            records[one] = records[one][:position] + bytes([byte]) + records[one][position + 1 :]
        elif kind == "remove":
            del records[one]
        elif kind == "repeat":
            records.insert(other, records[one])
        else:
            records[one], records[other] = records[other], records[one]
    return b"".join(records)


@given(st.lists(_edit, max_size=6), st.lists(_edit, max_size=2))
@settings(max_examples=300, deadline=None)
def test_what_is_listed_applied_to_one_file_gives_the_other(some, others) -> None:  # type: ignore[no-untyped-def]
    before, after = _edited(others), _edited(some)
    if not before or not after:
        return
    ecarts = _ecarts(before, after)
    assert (not ecarts) == (before == after)
    assert _applied(before, ecarts) == sorted(after[i : i + 128].decode("latin-1") for i in range(0, len(after), 128))
    if not any(e.deplaces for e in ecarts):  # then each record is told once
        for side in ("avant", "apres"):
            numbers = [x.number for e in ecarts if (x := getattr(e, side))]
            assert len(numbers) == len(set(numbers))


@given(st.sets(st.integers(0, len(_RECORDS) - 1), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_every_bill_that_changed_is_named(places: set[int]) -> None:
    """The date of an act or another free place of a record: the bill that holds it is told, no other is."""
    records = list(_RECORDS)
    bills, lot, bill = [], "", ""
    for record in records:
        kind = record[:1]
        lot = {b"1": record[19:22].decode().lstrip("0"), b"9": ""}.get(kind, lot)
        bill = {b"2": record[29:38].decode().lstrip("0"), b"1": "", b"6": "", b"9": ""}.get(kind, bill)
        bills.append((lot, bill))
    for place in places:
        records[place] = records[place][:100] + b"\x7f" + records[place][101:]
    assert {(e.lot, e.facture) for e in _ecarts(_DATA, b"".join(records))} == {bills[place] for place in places}


def test_a_bill_or_line_put_in_between_is_all_that_is_told() -> None:
    added = _ecarts(_file((1, 3)), _file((1, 2, 3)))
    told = {(e.lot, e.facture) for e in added if not e.avant}
    assert told == {("1", "2")}
    assert {e.apres.made.record.type for e in added if e.avant and e.apres and e.apres.made} == {"6", "999"}
    removed = _ecarts(_file((1, 2, 3)), _file((1, 3)))
    assert {(e.lot, e.facture) for e in removed if not e.apres} == {("1", "2")}
    records = list(_RECORDS)
    line = next(i for i, r in enumerate(records) if r[:1] == b"4")
    extra = records[line][:107] + b"0000001" + records[line][114:]
    (one,) = _ecarts(_DATA, b"".join([*records[:line], extra, *records[line:]]))
    assert one.avant is None and one.apres is not None and one.apres.number == line + 1
    assert [e.number for e in (one.apres,)] == [line + 1] and (one.lot, one.facture) == ("1", "1")


def test_bills_in_another_order_have_moved() -> None:
    moved = _ecarts(_file((1, 2, 3, 4)), _file((2, 3, 4, 1)))
    assert [(e.facture, e.deplaces > 1) for e in moved] == [("1", True)]
    other_lot = _ecarts(_file((1, 2), (3,)), _file((1,), (2, 3)))
    assert {(e.lot, e.facture) for e in other_lot if not e.avant} == {("2", "2")}
    assert {(e.lot, e.facture) for e in other_lot if not e.apres} == {("1", "2")}


def test_numbers_used_many_times_are_matched_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the copy does not fit in memory, nor a section in one piece."""
    monkeypatch.setattr(sections_module, "_IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(sections_module, "_MOST_RECORDS", 3)
    lot = _DATA[128 : 128 * _RECORDS.index(next(r for r in _RECORDS[2:] if r[:1] == b"1"))]
    before = _RECORDS[0] + lot * 50 + _RECORDS[-1]
    after = bytearray(before)
    after[128 + len(lot) * 7 + 3 * 128 + 60] ^= 1
    (one,) = _ecarts(before, bytes(after))
    assert one.apres is not None and one.apres.number == 1 + len(lot) // 128 * 7 + 4


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(before: bytes, after: bytes, *options: str) -> tuple[int, str]:
        paths = tmp_path / "before.b2", tmp_path / "after.b2"
        for path, data in zip(paths, (before, after), strict=True):
            path.write_bytes(data)
        code = run_guarded(tree, ["b2", "diff", *map(str, paths), *options])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: b"\r\n".join(d[i : i + 128] for i in range(0, len(d), 128)), "CR LF"),
        (lambda d: b"\n" + d, "LF"),
        (lambda d: b"\xef\xbb\xbf" + d, "UTF-8"),
        (lambda d: d.decode("ascii").encode("cp1140"), "EBCDIC"),
    ],
    ids=["crlf", "leading lf", "bom", "ebcdic"],
)
def test_files_that_differ_around_their_records_are_told_as_such(run, change, said: str) -> None:  # type: ignore[no-untyped-def]
    code, out = run(_DATA, change(_DATA))
    assert code == 3 and "✗ after.b2 : " in out and said in out and "Aucun écart" not in out
    code, out = run(change(_DATA), change(_DATA))
    assert code == 0 and "Aucun écart" in out


def test_the_bill_and_the_field_are_named(run) -> None:  # type: ignore[no-untyped-def]
    after = bytearray(_DATA)
    at = 128 * next(i for i, r in enumerate(_RECORDS) if r[:1] == b"4" and r[29:38] == b"000000003")
    after[at + 11 : at + 13] = b"29"
    code, out = run(_DATA, bytes(after))
    assert code == 3 and "lot 2, facture 3" in out and "nir_assure (12): '1850599006084' → '2950599006084'" in out
    assert "1 écart\n" in out
    assert "85059900" not in run(_DATA, bytes(after), "--mask")[1]


def test_other_layouts_and_other_files(run) -> None:  # type: ignore[no-untyped-def]
    golden = Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt"
    retour = golden.read_text("ascii").replace("\n", "").encode()
    code, out = run(_DATA, retour)
    assert code == 3 and "normes différentes" in out and "→" in out
    code, out = run(retour, retour.replace(b"000000001", b"000000002"))
    assert code == 3 and "facture 1" in out and "facture 2" in out
    assert run(b"", b"")[0] == 3 and "before.b2 : fichier" in run(b"", b"")[1]


def test_it_takes_no_longer_for_each_record_of_a_longer_file() -> None:
    """All bills changed: the work is counted, not timed."""
    reads = []
    for bills in (20, 80):
        data = _file(*(tuple(range(i, i + 10)) for i in range(1, bills, 10)))
        with (
            Sections(ouvrir(io.BytesIO(data))) as a,
            Sections(ouvrir(io.BytesIO(data.replace(b"18505", b"28505")))) as b,
        ):
            count = 0
            real = a.lus

            def counted(index: int, real=real) -> list[object]:  # type: ignore[no-untyped-def]
                nonlocal count
                found = real(index)
                count += len(found)
                return found

            a.lus = counted  # type: ignore[method-assign, assignment]
            assert len(list(comparer(a, b))) >= bills
            reads.append(count / bills)
    assert reads[1] <= reads[0] * 1.2
