"""E10: the funds' own reader and writer, a second implementation, agree with the twins on golden and random files."""

from __future__ import annotations

import tomllib
from datetime import date
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.b2_cases import JOUR, ligne, signature, signee
from tournee.b2.check import Controle
from tournee.b2.errors import B2Error, Problem
from tournee.b2.files import fichier_bytes
from tournee.b2.lots import grouper, par_fichier
from tournee.b2.model import Fichier, Lot
from tournee.b2.plan import plan
from tournee.b2.read import ouvrir
from tournee.b2.twin import decode, encode
from tournee_protocol.layouts import Field, Kind
from tournee_sim.funds.reader import ReadError, rows, structure
from tournee_sim.funds.writer import Return

_SAMPLE = Path(__file__).resolve().parents[1] / "golden" / "b2_cp_sample.txt"


def _values(data: bytes, profile: str) -> list[dict[str, object]]:
    return [r._asdict() for r in decode(data, profile)]


def test_worked_sample() -> None:
    data = _SAMPLE.read_text("ascii").replace("\n", "").encode("ascii")
    assert [r.values for r in rows(data, "b2-cp")] == _values(data, "b2-cp")


def test_every_hand_typed_record() -> None:
    table = tomllib.loads((_SAMPLE.parent / "b2_records.toml").read_text("utf-8"))
    for row in table["record"]:
        line = [" "] * 128
        for position, text in row["at"].items():
            line[int(position) - 1 : int(position) - 1 + len(text)] = text
        data = "".join(line).encode("ascii")
        assert [r.values for r in rows(data, row["profile"])] == _values(data, row["profile"])


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_random_files(seed: int) -> None:
    rng = Random(seed)
    bills = [
        signee(
            number,
            caisse=rng.choice(["991", "992"]),
            nature_assurance=rng.choice(["10", "41"]),
            situation=rng.randint(1, 2),
            date_facture=date(2025, rng.randint(1, 12), rng.randint(1, 28)),
            lignes=tuple(
                ligne(rng.choice(["VG", "MD", "AMI"]), cents := rng.randint(1, 99999), rng.randint(0, cents))
                for _ in range(rng.randint(1, 4))
            ),
        )
        for number in rng.sample(range(1, 10**9), rng.randint(1, 25))
    ]
    for number, groups in enumerate(par_fichier(grouper(bills)), 1):
        lots = tuple(
            Lot(numero_lot=i, date_lot=JOUR, factures=g.factures, signatures=(signature(),))
            for i, g in enumerate(groups, 1)
        )
        data = fichier_bytes(Fichier(identification=f"F{number:05d}", date_creation=JOUR, lots=lots))
        read = structure(rows(data))
        assert [r.values for r in read.rows] == _values(data, "sv-sim-1")
        assert encode(decode(data)) == data
        assert [f.numero for f in read.factures] == [s.facture.numero_facture for lot in lots for s in lot.factures]
        assert sum(lot.fin.num("total_facture") for lot in read.lots if lot.fin) == sum(
            s.facture.total_honoraires_cents for lot in lots for s in lot.factures
        )


@given(seed=st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_mutations_are_refused_by_both_or_by_none(seed: int) -> None:
    rng = Random(seed)
    lot = Lot(numero_lot=1, date_lot=JOUR, factures=(signee(1),))
    data = bytearray(fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=(lot,))))
    data[rng.randrange(len(data))] = rng.randrange(256)
    opened = ouvrir(BytesIO(bytes(data)), "sv-sim-1")
    faults = [f.problem for lu in Controle(opened.plan).lire(opened) for f in lu.faults]
    # The funds' reader takes one record at a time: what holds between records is judged elsewhere, by both.
    between = {Problem.ORDER, Problem.COUNT, Problem.TOTAL, Problem.MISMATCH, Problem.DUPLICATE}
    mine: object = None if set(faults) - between or not data.isascii() else _values(bytes(data), "sv-sim-1")
    try:
        theirs: object = [r.values for r in rows(bytes(data))]
    except ReadError:
        theirs = None
    assert mine == theirs


def test_noemie_written_by_the_fund_is_read_here() -> None:
    from tournee.b2.noemie import lire

    out = Return(
        "noemie",
        type_emetteur="CT",
        numero_emetteur="00000001000991",
        type_destinataire="TP",
        numero_destinataire="00000991129768",
        identification_fichier="R00001",
        date_creation="250120",
        reference="580",
        unite_monetaire="U",
    )
    out.add("102", niveau_rupture=3, numero_facture="000000001", type_facture="F")
    out.add("198", niveau_rupture=4, montant_amo_demande=2800, etat_amo="P", montant_amo_paye=2800, signe_amo_paye="P")
    out.add("990", identification_rupture="RETOUR", compteur=1, cumul=2800, signe="P")
    data = out.close(nombre_lots=0, cumul=2800, signe_cumul="P")
    lus = list(lire(data))
    assert [fault.key for lu in lus for fault in lu.faults] == []
    assert encode([lu.record for lu in lus], "noemie") == data


def _value(rng: Random, field: Field, text: str) -> object:
    if field.blank and rng.random() < 0.3:
        return None
    if field.values:
        code = rng.choice(field.values)[0]
        return int(code) if field.kind is Kind.N else str(code)
    if field.kind is Kind.N:
        return rng.randrange(10 ** rng.randint(1, field.len))
    if field.kind is Kind.A:
        return "".join(rng.choices(text, k=rng.randint(0, field.len))).rstrip(" ")
    letters = "0123456789" if field.kind is Kind.D else "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(rng.choices(letters, k=field.len))


def _random_records(rng: Random, profile: str, count: int) -> list[Any]:
    made = plan(profile)
    kinds = [r for r in made.records if r.record.type not in ("000", "999")]
    chosen = rng.choices(kinds, k=count)
    return [r.cls(*(_value(rng, f, made.profile.text) for f in r.record.valued)) for r in chosen]


@pytest.mark.parametrize("profile", ["b2-cp", "sv-sim-1"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_random_records_of_every_type_are_read_alike(profile: str, seed: int) -> None:
    records = _random_records(Random(seed), profile, 6)
    assert [r.values for r in rows(encode(records, profile), profile)] == [r._asdict() for r in records]


@pytest.mark.parametrize("profile", ["noemie", "arl-sv-sim-1"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_random_returns_are_written_alike(profile: str, seed: int) -> None:
    rng = Random(seed)
    made = plan(profile)
    first, last = (next(r for r in made.records if r.record.type == t) for t in ("000", "999"))
    debut = first.cls(*(_value(rng, f, made.profile.text) for f in first.record.valued))
    records = _random_records(rng, profile, 5)
    out = Return(profile, **debut._asdict())
    for record in records:
        out.add(made.by_class[type(record)].record.type, **record._asdict())
    rest = {f.name: _value(rng, f, made.profile.text) for f in last.record.valued}
    data = out.close(**rest)
    fin = last.cls(**rest)
    assert encode([debut, *records, fin], profile) == data
    assert decode(data, profile) == [debut, *records, fin]


@pytest.mark.parametrize("size", [0, 1, 127, 129])
def test_lengths(size: int) -> None:
    with pytest.raises(ReadError):
        rows(b"0" * size)
    if size:
        with pytest.raises(B2Error):
            decode(b"0" * size)
