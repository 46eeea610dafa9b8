"""Whatever a mailbox holds: a return is read or refused with a typed error; what a fund writes, the host reads; hostile files never pass."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools import funds as kit
from tournee.b2.facture import facture_records
from tournee.b2.twin import encode
from tournee.errors import TourneeError
from tournee.transmit import mail, returns
from tournee.transmit.model import Nature
from tournee_sim.funds import post
from tournee_sim.funds.answers import Letterhead, arl, noemie_576, noemie_580
from tournee_sim.funds.envelope import EnvelopeError, encryption_algorithm, open_signed
from tournee_sim.funds.outcome import Outcome, decide
from tournee_sim.funds.reader import Facture, Fichier, Lot, ReadError, rows, structure
from tournee_sim.funds.report import Report

TODAY = date(2025, 1, 16)
HEAD = Letterhead("01991", "991001011", "000012", TODAY)


def mailed(data: bytes) -> bytes:
    return post.answer(
        sender="caisse@fonds.invalid", recipient="a@b.invalid", subject="NOEMIE", description="NOEMIE", message_id="1",
        data=data, today=TODAY, packed=False,
    )  # fmt: skip


@cache
def one_bill() -> Facture:
    """An invoice as the funds read it, from records that the host wrote (unsigned)."""
    found = rows(encode(facture_records(kit.facture(12))))
    return Facture(found[0], [found[1]], found[2:4], found[4])


@cache
def sample(kind: str) -> bytes:
    """A return as a fund writes it."""
    empty = rows(encode(facture_records(kit.facture(12))))[0]
    lot = Lot(_lot_row(), [one_bill()])
    group = [decide(one_bill(), Outcome.PARTIAL, "0250-050", already_paid=False)]
    report = Report(1, "01991", compostage="2025011520300000001", identification_fichier="000012", factures=[12])
    fichier = Fichier(empty, [lot], empty, [])
    return {
        "ARL": lambda: arl(HEAD, report, fichier),
        "580": lambda: noemie_580(HEAD, [(lot, group)]),
        "576": lambda: noemie_576(HEAD, [(lot, group)]),
    }[kind]()


def _lot_row():  # type: ignore[no-untyped-def]
    from tournee.b2.lots import lot_records
    from tournee.b2.model import FactureSignee
    from tournee.b2.model import Lot as HostLot

    records = lot_records(HostLot(numero_lot=1, date_lot=kit.TODAY, factures=(FactureSignee(kit.facture(12)),)))
    return rows(encode(records))[0]


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        assert returns.read(raw).nature in Nature
    except TourneeError as exc:
        assert exc.exit_code == 3


@given(st.sampled_from(["ARL", "580", "576"]), st.data())
def test_a_damaged_return_is_read_or_refused_without_a_nir(kind: str, data: st.DataObject) -> None:
    whole = bytearray(sample(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.binary(max_size=3))
        whole[at : at + data.draw(st.integers(0, 3))] = piece
    try:
        retour = returns.read(mailed(bytes(whole)))
        assert kit.NIR not in repr(retour)
    except TourneeError as exc:
        assert kit.NIR not in f"{exc.what}{exc.remedy}{exc.args}"


@given(st.binary(max_size=400))
def test_any_gzip_body_is_read_or_refused(tail: bytes) -> None:
    packed = gzip.compress(sample("580"))[: max(10, len(tail))] + tail
    raw = b"Content-Type: application/edi-consent\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(
        packed
    )
    try:
        returns.read(raw)
    except TourneeError as exc:
        assert exc.remedy


@given(st.text(max_size=80), st.binary(max_size=200))
def test_any_header_value_is_carried_or_refused(text: str, body: bytes) -> None:
    raw = f"Subject: {text}\r\nContent-Type: {text}\r\nContent-Transfer-Encoding: {text}\r\n\r\n".encode() + body
    try:
        courrier = mail.parse(raw)
        assert all("\n" not in value for _, value in courrier.headers)
    except TourneeError as exc:
        assert exc.code == "mail-malformed"
    post.take_apart(raw)


@pytest.mark.parametrize("kind", ["ARL", "580", "576"])
def test_what_a_fund_writes_the_host_reads(kind: str) -> None:
    retour = returns.read(mailed(sample(kind)))
    assert retour.reference == kind
    if kind == "580":
        assert retour.factures[0].amo is not None and retour.factures[0].amo.paye_cents == 2100
        assert retour.factures[0].rejets[0].code == "SIM1-001"


@given(
    numero=st.integers(1, 999_999_999),
    amounts=st.lists(st.tuples(st.integers(0, 99_999), st.integers(0, 100)), min_size=1, max_size=9),
    outcome=st.sampled_from(list(Outcome)),
)
def test_every_settlement_comes_back_to_the_cent(numero: int, amounts: list[tuple[int, int]], outcome: Outcome) -> None:
    lignes = tuple(
        kit.Ligne(
            code_acte="VG", date_soins=kit.TODAY, specialite="01", prix_unitaire_cents=price, base_remboursement_cents=price,
            taux=rate, montant_amo_cents=price * rate // 100, montant_honoraires_cents=price,
        )
        for price, rate in amounts
    )  # fmt: skip
    bill = replace(kit.facture(numero), lignes=lignes)
    found = rows(encode(facture_records(bill)))
    facture = Facture(found[0], [found[1]], found[2:-1], found[-1])
    made = decide(facture, outcome, "0250-050", already_paid=False)
    lot = Lot(_lot_row(), [facture])
    (read,) = returns.read(mailed(noemie_580(HEAD, [(lot, [made])]))).factures
    assert (int(read.numero_facture), read.paye_cents) == (numero, made.amo_paye)
    (paid,) = returns.read(mailed(noemie_576(HEAD, [(lot, [made])]))).factures
    assert paid.paye_cents == made.amo_paye == sum(x.montant_cents for x in paid.lignes)


@given(st.binary(max_size=1024))
def test_the_funds_reader_refuses_what_is_no_file(data: bytes) -> None:
    with pytest.raises(ReadError):
        structure(rows(data))


@given(st.data())
def test_the_funds_reader_never_echoes_a_value(data: st.DataObject) -> None:
    whole = bytearray(encode(facture_records(kit.facture(12))))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        rows(bytes(whole))
    except ReadError as exc:
        assert kit.NIR not in str(exc)


@given(st.binary(max_size=300))
def test_the_funds_envelope_refuses_what_is_no_cms(der: bytes) -> None:
    for opener in (encryption_algorithm, open_signed):
        with pytest.raises(EnvelopeError):
            opener(der)
