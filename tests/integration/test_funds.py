"""The mail room against the funds in their own process: real SMTP, POP3 and CMS."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest

from tests.tools import funds
from tests.tools.funds import Cards, Fund, facture, file_of, mail_of, running_fund, sealed
from tournee.b2.lots import grouper, par_fichier
from tournee.transmit import returns
from tournee.transmit.adapters.mailbox import AccountMailbox
from tournee.transmit.errors import MailboxUnavailable, MailRefused, MailUnknown
from tournee.transmit.model import Etat, Nature, Retour
from tournee.transmit.rejets import expliquer
from tournee_sim.pki import Pki


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def cards(keys: Path) -> Cards:
    return Cards(Pki(keys))


@pytest.fixture
def fund(tmp_path: Path, keys: Path, request: pytest.FixtureRequest) -> Iterator[Fund]:
    with running_fund(tmp_path / "fund", keys, *getattr(request, "param", ())) as running:
        yield running


def send(running: Fund, cards: Cards, content: bytes, *, code: str = "01991", bills: int = 1, counter: int = 1) -> None:
    row = running.destinations.lookup(code[:2], code[2:], "0000")
    raw = mail_of(sealed(cards, content, row.certificate_pem), row.mailbox, bills=bills, counter=counter)
    AccountMailbox(running.account).send(raw, funds.SENDER, row.mailbox)


def collect(running: Fund) -> list[Retour]:
    with AccountMailbox(running.account) as box:
        return [returns.read(box.fetch(uid)) for uid in box.uids()]


def failed(running: Fund) -> list[str]:
    return [c["name"] for c in running.checks["files"][-1]["checks"] if not c["ok"]]


def test_paid_arl_then_580_then_576(fund: Fund, cards: Cards) -> None:
    content = file_of(cards, [facture(12), facture(13)])
    send(fund, cards, content, bills=2)
    assert failed(fund) == []
    names = {c["name"] for c in fund.checks["files"][0]["checks"]}
    assert {
        "cms.encryption", "cms.signature", "cms.certificate", "b2.layout", "file.records", "lot 001.signature.cps",
        "facture 000000012.signature.cps", "facture 000000012.signature.vitale", "facture 000000013.total_amo",
    } <= names  # fmt: skip
    kept = Path(fund.ready["directory"]) / "fund" / fund.checks["files"][0]["file"]
    assert kept.read_bytes() == content
    arl, rsp, payment = collect(fund)
    assert arl.nature is Nature.ARL and arl.arl is not None and arl.arl.accepte and arl.simulation
    assert arl.arl.compostage == "2025011520300000001" and arl.arl.identification_fichier == "000001"
    assert [(x.numero_lot, x.nombre_factures, x.total_amo_cents) for x in arl.arl.lots] == [("001", 2, 5600)]
    assert rsp.reference == "580" and rsp.total_cents == 5600
    assert [(f.numero_facture, f.numero_lot, f.amo.etat, f.paye_cents) for f in rsp.factures if f.amo] == [
        ("000000012", "001", Etat.PAYE, 2800),
        ("000000013", "001", Etat.PAYE, 2800),
    ]
    assert payment.reference == "576" and payment.virements[0].date_virement == funds.TODAY
    assert [[(x.acte, x.montant_cents) for x in f.lignes] for f in payment.factures] == [
        [("VG", 2100), ("MD", 700)]
    ] * 2
    assert funds.NIR not in repr([arl, rsp, payment])


def test_return_stays_until_it_is_deleted(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(1)]))
    with AccountMailbox(fund.account) as box:
        uids = list(box.uids())
        first = box.fetch(uids[0])
    with AccountMailbox(fund.account) as box:
        assert list(box.uids()) == uids and box.fetch(uids[0]) == first
        box.delete(uids[0])
        assert list(box.uids()) == uids[1:]
        with pytest.raises(MailboxUnavailable):
            box.fetch(uids[0])
        box.delete(uids[0])  # gone already: no error


@pytest.mark.parametrize("fund", [("--outcome", "rejected")], indirect=True)
def test_rejected_names_a_code_that_the_table_explains(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(7)]))
    arl, rsp = collect(fund)
    assert arl.arl is not None and arl.arl.accepte
    (bill,) = rsp.factures
    assert bill.amo is not None and bill.amo.etat is Etat.REJETE and bill.paye_cents == 0
    (rejet,) = bill.rejets
    assert (rejet.code, rejet.niveau, rejet.part) == ("0250-050", "F", "O")
    assert expliquer(rejet.code).connu and expliquer(rejet.code).a_faire


@pytest.mark.parametrize("fund", [("--outcome", "partial")], indirect=True)
def test_partial_says_which_line_and_why(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(8)]))
    _, rsp, payment = collect(fund)
    (bill,) = rsp.factures
    assert bill.amo is not None
    assert (bill.amo.demande_cents, bill.amo.paye_cents, bill.amo.etat) == (2800, 2100, Etat.PAYE)
    (rejet,) = bill.rejets
    assert (rejet.niveau, rejet.acte, rejet.numero_ligne, rejet.date_soins) == ("L", "MD", 2, funds.TODAY)
    assert payment.total_cents == 2100 and payment.factures[0].paye_cents == 2100


@pytest.mark.parametrize("fund", [("--outcome", "lost-arl")], indirect=True)
def test_lost_arl_gives_nothing_back(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(9)]))
    assert failed(fund) == [] and collect(fund) == []


def test_paid_by_the_patient_gives_an_arl_only(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(10, tiers_payant=0)]))
    assert [r.reference for r in collect(fund)] == ["ARL"]


def test_same_file_twice_is_recognised(fund: Fund, cards: Cards) -> None:
    content = file_of(cards, [facture(21)])
    send(fund, cards, content)
    send(fund, cards, content, counter=2)
    references = [(r.reference, [x.code for f in r.factures for x in f.rejets]) for r in collect(fund)]
    assert references == [("ARL", []), ("580", []), ("576", []), ("ARL", []), ("580", ["2900-005"])]
    assert fund.checks["files"][1]["duplicates"] == [21]


def test_two_funds_have_two_mailboxes_and_keys(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(31)]))
    send(fund, cards, file_of(cards, [facture(32, "02992")], "000002"), code="02992")
    assert [(f["fund"], f["ok"]) for f in fund.checks["files"]] == [("01991", True), ("02992", True)]
    wrong = fund.destinations.lookup("02", "992", "0000")
    raw = mail_of(sealed(cards, file_of(cards, [facture(33)]), wrong.certificate_pem), fund.ready["funds"]["01991"])
    AccountMailbox(fund.account).send(raw, funds.SENDER, fund.ready["funds"]["01991"])
    assert failed(fund) == ["cms.open"]
    assert collect(fund)[-1].arl is not None and not collect(fund)[-1].arl.accepte  # type: ignore[union-attr]


def test_five_bills_of_four_patients_make_one_file_per_fund(fund: Fund, cards: Cards) -> None:
    patients = [f"2850599350{n:03d}" for n in range(1, 5)]
    bills = [
        facture(101, nir=patients[0]),
        facture(102, "02992", nir=patients[1]),
        facture(103, nir=patients[2]),
        facture(104, nir=patients[0]),
        facture(105, "02992", nir=patients[3]),
    ]
    signed = [funds.signed(cards, bill) for bill in bills]
    for number, groups in enumerate(par_fichier(grouper(signed)), 1):
        lots = tuple(funds.one_lot(cards, group.factures, number) for group in groups)
        code = f"{groups[0].destination.regime}{groups[0].destination.caisse}"
        made = funds.Fichier(identification=f"{number:06d}", date_creation=funds.TODAY, lots=lots)
        count = sum(len(group.factures) for group in groups)
        send(fund, cards, funds.fichier_bytes(made), code=code, bills=count, counter=number)
    assert [(f["fund"], f["ok"], f["factures"]) for f in fund.checks["files"]] == [
        ("01991", True, [101, 103, 104]),
        ("02992", True, [102, 105]),
    ]
    paid = {f.numero_facture: f.paye_cents for r in collect(fund) if r.reference == "580" for f in r.factures}
    assert paid == {f"{n:09d}": 2800 for n in range(101, 106)}


@pytest.mark.parametrize(
    ("place", "check"),
    [
        (b"VG   ", "facture 000000041.signature.cps"),
        (b"00000002", "file.records"),
    ],
)
def test_changed_file_is_refused_by_name(fund: Fund, cards: Cards, place: bytes, check: str) -> None:
    content = file_of(cards, [facture(41)])
    if check == "file.records":
        last = len(content) - 128
        changed = content[: last + 55] + b"00000099" + content[last + 63 :]
    else:
        changed = content.replace(place, b"VA   ", 1)
    send(fund, cards, changed)
    assert check in failed(fund)
    (arl,) = collect(fund)
    assert arl.arl is not None and not arl.arl.accepte and arl.arl.rejets[0].code.startswith("SIM9-00")
    assert expliquer(arl.arl.rejets[0].code).connu


def test_missing_vitale_signature_is_refused(fund: Fund, cards: Cards) -> None:
    lot = funds.one_lot(cards, [funds.signed(cards, facture(51), "C")])
    content = funds.fichier_bytes(funds.Fichier(identification="000051", date_creation=funds.TODAY, lots=(lot,)))
    send(fund, cards, content)
    assert failed(fund) == ["facture 000000051.signature.vitale"]


def test_bill_of_another_fund_is_refused(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(53, "02992")]))
    assert failed(fund) == ["file.type_destinataire", "file.destination", "facture 000000053.destination"]


def test_envelope_signed_by_no_cps_is_refused(fund: Fund, cards: Cards) -> None:
    row = fund.destinations.lookup("01", "991", "0000")
    vitale = cards.vitale
    raw = mail_of(sealed(cards, file_of(cards, [facture(52)]), row.certificate_pem, vitale), row.mailbox)
    AccountMailbox(fund.account).send(raw, funds.SENDER, row.mailbox)
    assert "cms.signer_is_a_cps" in failed(fund)


HOSTILE = [
    b"",
    b"\r\n",
    b"Subject: SV000001/1/2025011520300000001/00001\r\n\r\nnot base64 @@@",
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n--a",
    b"Content-Transfer-Encoding: base64\r\nContent-Type: application/edi-consent\r\n\r\nMIAGCSqGSIb3DQEHA6CA",
    b"Subject: =?utf-8?b?////?=\r\nContent-Type: \xff\xfe; charset=nowhere\r\n\r\n\x00\xff",
]


def test_hostile_mail_never_ends_the_fund(fund: Fund, cards: Cards) -> None:
    for raw in HOSTILE:
        AccountMailbox(fund.account).send(raw, funds.SENDER, fund.ready["funds"]["01991"])
    send(fund, cards, file_of(cards, [facture(61)]), counter=2)
    assert [f["ok"] for f in fund.checks["files"]] == [False] * len(HOSTILE) + [True]


def test_refused_connection_is_known_to_be_undelivered(fund: Fund) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = replace(fund.account, smtp_port=free.getsockname()[1], pop3_port=free.getsockname()[1])
        with pytest.raises(MailRefused, match="refuse la connexion") as caught:
            AccountMailbox(closed).send(b"x", funds.SENDER, "a@b.invalid")
        assert caught.value.exit_code == 5 and caught.value.remedy
        with pytest.raises(MailboxUnavailable):
            AccountMailbox(closed).uids()


def test_unknown_mailbox_and_wrong_password_are_refused(fund: Fund) -> None:
    with pytest.raises(MailRefused, match="destinataire"):
        AccountMailbox(fund.account).send(b"x", funds.SENDER, "nobody@simulation.invalid")
    stranger = replace(fund.account, password="wrong")
    with pytest.raises(MailRefused, match="mot de passe"):
        AccountMailbox(stranger).send(b"x", funds.SENDER, fund.ready["funds"]["01991"])
    with pytest.raises(MailboxUnavailable, match="mot de passe"):
        AccountMailbox(stranger).uids()


@pytest.mark.parametrize("fund", [("--fault", "busy")], indirect=True)
def test_busy_fund_refuses(fund: Fund, cards: Cards) -> None:
    with pytest.raises(MailRefused, match="451"):
        send(fund, cards, file_of(cards, [facture(71)]))
    assert fund.checks["files"] == []


@pytest.mark.parametrize("fund", [("--fault", "die-in-data")], indirect=True)
def test_fund_killed_in_data_leaves_the_outcome_unknown(fund: Fund, cards: Cards) -> None:
    with pytest.raises(MailUnknown):
        send(fund, cards, file_of(cards, [facture(72)]))
    assert fund.process.wait(timeout=20) == 70


def test_fund_killed_after_keeping_answers_after_its_restart_once(tmp_path: Path, keys: Path, cards: Cards) -> None:
    content = file_of(cards, [facture(73)])
    with running_fund(tmp_path / "fund", keys, "--fault", "die-after-keeping") as dying, pytest.raises(MailUnknown):
        send(dying, cards, content)
    with running_fund(tmp_path / "fund", keys) as again:
        assert [r.reference for r in collect(again)] == ["ARL", "580", "576"]
        send(again, cards, content, counter=2)  # the practitioner cannot know and sends again
        assert [r.reference for r in collect(again)] == ["ARL", "580", "576", "ARL", "580"]
    with running_fund(tmp_path / "fund", keys) as third:
        assert len(collect(third)) == 5 and third.ready["password"] == again.ready["password"]


def test_pop3_deletes_at_quit_only_and_locks(fund: Fund, cards: Cards) -> None:
    send(fund, cards, file_of(cards, [facture(81)]))
    host, port = fund.ready["pop3_host"], fund.ready["pop3_port"]
    with socket.create_connection((host, port), timeout=20) as raw, raw.makefile("rwb") as talk:

        def say(line: str) -> bytes:
            talk.write(line.encode() + b"\r\n")
            talk.flush()
            return bytes(talk.readline())

        talk.readline()
        assert say("STAT").startswith(b"-ERR")
        say(f"USER {funds.SENDER}")
        assert say(f"PASS {fund.ready['password']}").startswith(b"+OK 3")
        assert say("DELE 1").startswith(b"+OK") and say("STAT").startswith(b"+OK 2 ")
        with pytest.raises(MailboxUnavailable):
            AccountMailbox(fund.account).uids()  # locked
        assert say("RSET").startswith(b"+OK") and say("STAT").startswith(b"+OK 3 ")
        say("DELE 1")  # and then the line drops without QUIT
    assert len(collect(fund)) == 3


def test_command_line_faults_say_what_to_do(tmp_path: Path, keys: Path) -> None:
    def say(*options: str) -> tuple[int, str]:
        arguments = [sys.executable, "-m", "tournee_sim.funds", "--dir", str(tmp_path / "x"), "--keys", str(keys)]
        done = subprocess.run([*arguments, *options], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    assert say("--funds", "1991") == (2, ANY) and "01991,02992" in say("--funds", "1991")[1]
    assert "0250-050" in say("--reject-code", "nothing")[1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = say("--smtp-port", str(taken.getsockname()[1]))
        assert code and "choose other ports" in text and "Traceback" not in text


def test_ready_file_is_there_while_it_listens_and_gone_after(tmp_path: Path, keys: Path) -> None:
    ready = tmp_path / "ready.json"
    with running_fund(tmp_path / "fund", keys, "--ready-file", str(ready)) as fund:
        AccountMailbox(fund.account).uids()
        assert json.loads(ready.read_text()) == fund.ready
        assert ready.stat().st_mode & 0o077 == 0
    assert not ready.exists() and fund.process.returncode == 0


def test_checks_are_json_with_a_version(fund: Fund) -> None:
    assert fund.checks["version"] == 1 and fund.checks["files"] == []
    rows = json.loads(Path(fund.ready["destinations"]).read_text())["destinations"]
    assert {(r["regime"], r["caisse"], r["simulation"]) for r in rows} == {("01", "991", True), ("02", "992", True)}
