"""Returns as values. The samples are typed by hand from the entity tables, so that an error in a table shows."""

from __future__ import annotations

import base64
import gzip
from datetime import date

import pytest

from tournee.transmit import returns
from tournee.transmit.errors import MailMalformed, ReturnMalformed
from tournee.transmit.model import Etat, LignePayee, Montants, Nature, Rejet, Retour, Virement

NIR = "2850599350001"
#        type  émetteur              destinataire          TR    fichier date
HEAD = "000CT00000001000991      TP00000991001011      TR000012250116"
TAIL = "999CT00000001000991      TP00000991001011      TR000012"


def header(reference: str) -> str:
    made = f"{HEAD}{reference:<4}    UT           128      SIMULATION SV-SIM 1".ljust(128)
    assert made[70] == "T" and made[82:85] == "128"
    return made


def trailer(records: int, total: str = "00000002800", sign: str = "P") -> str:
    return f"{TAIL}{records:08d}T".ljust(82) + f"001{total}{sign}".ljust(46)


E102 = "10203000000012      001250115F250115 10@"
E103 = f"10304{NIR}23".ljust(100) + "8505171".ljust(51) + "@"
E198_PAID = "1980400002800P00002800P@"
E198_LESS = "1980400002800P00002100P@"
E198_REJECTED = "1980400002800R        P@"
E199 = "1990400001200P00001200P0123456789ADHERENT       @"
E294 = "294050250" + "ASSURE ABSENT DU REFERENTIEL".ljust(86) + "FO" + " " * 23 + "01" + "0250-050".ljust(30) + "@"
E294_LINE = "294050460" + "LIGNE".ljust(86) + "LOMD   250115         00201" + " " * 30 + "@"
E295 = "29504 " + "VOIR AVEC LE SERVICE".ljust(128) + "@"
E990 = "99099RETOUR           0000000100000002800P@"


def noemie(*entities: str, reference: str = "580", total: str = "00000002800") -> bytes:
    return (header(reference) + "".join(entities) + trailer(len(entities) + 2, total)).encode()


def mailed(data: bytes, *, description: str = "NOEMIE", subject: str = "NOEMIE", simulation: bool = True) -> bytes:
    lines = [
        "From: caisse@fonds.invalid", f"Subject: {subject}", "Content-Type: Application/EDI-consent",
        "Content-Transfer-Encoding: base64", f"Content-Description: {description}",
    ]  # fmt: skip
    if simulation:
        lines.append("X-Simulation: SV-SIM/1")
    return "\r\n".join([*lines, "", ""]).encode() + base64.encodebytes(data)


def read(*entities: str, **changes: str) -> Retour:
    return returns.read(mailed(noemie(*entities, **changes)))


@pytest.mark.parametrize("packed", [False, True])
def test_580_paid_plain_or_gzip(packed: bool) -> None:
    data = noemie("0810201              @", E102, E103, E198_PAID, E990)
    retour = returns.read(mailed(gzip.compress(data) if packed else data))
    assert (retour.nature, retour.reference, retour.simulation) == (Nature.NOEMIE, "580", True)
    assert (retour.emetteur, retour.destinataire) == ("00000001000991", "00000991001011")
    assert (retour.identification_fichier, retour.date_creation) == ("000012", date(2025, 1, 16))
    assert retour.total_cents == 2800 and retour.data == data
    (bill,) = retour.factures
    assert (bill.numero_facture, bill.numero_lot, bill.date_lot) == ("000000012", "001", date(2025, 1, 15))
    assert bill.amo == Montants(2800, 2800, Etat.PAYE) and bill.amc is None and bill.paye_cents == 2800


def test_580_rejected_gives_the_printed_code() -> None:
    (bill,) = read(E102, E198_REJECTED, E294, E295, total="00000000000").factures
    assert bill.amo == Montants(2800, 0, Etat.REJETE) and bill.paye_cents == 0
    assert bill.rejets == (Rejet("0250-050", "ASSURE ABSENT DU REFERENTIEL", "F", "O"),)
    assert bill.commentaires == ("VOIR AVEC LE SERVICE",)


def test_580_partial_names_the_line() -> None:
    (bill,) = read(E102, E198_LESS, E294_LINE).factures
    assert bill.paye_cents == 2100
    assert bill.rejets == (Rejet("0460", "LIGNE", "L", "O", "MD", date(2025, 1, 15), 2),)


def test_580_both_shares() -> None:
    (bill,) = read(E102, E198_PAID, E199).factures
    assert bill.amc == Montants(1200, 1200, Etat.PAYE) and bill.paye_cents == 4000


def test_several_invoices_keep_what_is_theirs() -> None:
    second = E102.replace("000000012", "000000013")
    first, other = read(E102, E198_REJECTED, E294, second, E198_PAID).factures
    assert first.rejets and not other.rejets and other.paye_cents == 2800


def test_576_lists_transfer_and_acts() -> None:
    transfer = "07102250120" + "VIREMENT 42".ljust(32) + "SIMULATION".ljust(32) + "01991     @"
    act = (
        "21006" + "01" + "00" + "0" + "00" + "000" + "000000" + "250115" + "250115" + "00003000" + "00003000" + "070" + "00002100"
        + "P" + "VG " + "  " + "001" + "00100" + "001" + "00003000" + "  " + "000" + "00000000" + "000" + "00000000" + "00000000@"
    )  # fmt: skip
    assert len(act) == 118
    retour = read(transfer, "08003250115001@", "10004000000012@", act, E990, reference="576")
    assert retour.virements == (Virement(date(2025, 1, 20), "VIREMENT 42 SIMULATION", "01991"),)
    (bill,) = retour.factures
    assert (bill.numero_facture, bill.numero_lot, bill.date_lot) == ("000000012", "001", date(2025, 1, 15))
    assert bill.lignes == (LignePayee(1, "VG", date(2025, 1, 15), 3000, 3000, 70, 2100, 0),)
    assert bill.amo is None and bill.paye_cents == 2100


def test_900_reject_by_entity_290() -> None:
    reject = "290050" + "0" + "0317-051  " + "NATURE D'ASSURANCE INCOMPATIBLE".ljust(80) + "@"
    retour = read("10004000000012@", reject, reference="900")
    assert retour.reference == "900"
    assert retour.factures[0].rejets == (Rejet("0317-051", "NATURE D'ASSURANCE INCOMPATIBLE", "F", ""),)


def test_deductions_and_flat_payments_are_told() -> None:
    deduction = "25003" + "01" + "DETTE00001" + "250101" + "IND" + "RPR" + "00001500" + "N" + "00000000@"
    flat = "26103" + "00012" + "00005000@"
    retour = read(deduction, flat)
    assert [r for r in retour.remarques if "-15,00 €" in r and "DETTE00001" in r]
    assert [r for r in retour.remarques if "50,00 €" in r]


def test_an_unknown_entity_is_skipped_and_said() -> None:
    retour = read(E102, "21205EXECUTANT 99@", E198_PAID)
    assert retour.factures[0].paye_cents == 2800
    assert [r for r in retour.remarques if "212" in r]


def test_an_accent_in_a_name_holds_back_no_payment() -> None:
    data = noemie(E102, E103, E198_PAID, E990).replace(b"850599350001", b"850599350\xe901")
    retour = returns.read(mailed(data))
    assert retour.factures[0].paye_cents == 2800
    assert [r for r in retour.remarques if "103" in r] and "850599" not in repr(retour)


def test_totals_that_do_not_add_up_are_told() -> None:
    retour = read(E102, E198_PAID, E990, total="00000002900")
    assert retour.factures[0].paye_cents == 2800 and [r for r in retour.remarques if "2900 au lieu de 2800" in r]
    assert read(E102, E198_PAID, E990).remarques == ()


def test_no_nir_and_no_name_leave_the_file() -> None:
    retour = read(E102, E103, E198_PAID)
    assert NIR.encode() in retour.data and NIR not in repr(retour)


@pytest.mark.parametrize(
    ("entities", "where"),
    [
        ((E198_PAID,), ""),  # a share of no invoice
        ((E102, E198_PAID.replace("00002800", "0000A800", 1)), "198"),
        ((E102, E198_PAID.replace("@", "#")), "198"),
        ((E102, E198_PAID.replace("198", "1x8")), "3"),
        ((E102, E198_PAID.replace("P", "X", 1)), "19"),
    ],
)
def test_a_broken_return_names_its_place_and_no_value(entities: tuple[str, ...], where: str) -> None:
    with pytest.raises(ReturnMalformed) as caught:
        read(*entities)
    assert where in caught.value.where and caught.value.remedy and "A800" not in caught.value.what


def test_an_unknown_reference_is_read_and_told() -> None:
    retour = read(E102, E198_PAID, E990, reference="901")
    assert retour.factures[0].paye_cents == 2800
    assert [r for r in retour.remarques if "901" in r] and not read(E102, E198_PAID, E990, reference="908").remarques


def test_a_cut_return_moves_no_bill() -> None:
    whole = noemie(E102, E198_PAID, E990)
    for end in range(128, len(whole) - 1, 7):
        cut = mailed(whole[:end])
        try:
            assert returns.read(cut).nature is Nature.INCONNU
        except ReturnMalformed:
            pass


def test_lost_entities_are_noticed_by_the_counter() -> None:
    whole = noemie(E102, E198_PAID, E294)
    with pytest.raises(ReturnMalformed, match="compteur"):
        returns.read(mailed(whole.replace(E294.encode(), b"")))


ARL_HEAD = header("ARL").replace("ARL     U", "ARL 01 NU")


def arl(*entities: str) -> bytes:
    end = (TAIL + f"{len(entities) + 2:08d}").ljust(128)
    return (ARL_HEAD + "".join(entities) + end).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_a_gateway_are_told_and_hold_back_no_payment(end: str) -> None:
    entities = ["0810201              @", E102, E103, E198_PAID, E990]
    whole = returns.read(mailed(noemie(*entities)))
    text = noemie(*entities).decode()
    for data in (
        text.replace("@", "@" + end),
        text.replace(E198_PAID, E198_PAID + end),
        text.replace(E102, E102 + end),
    ):
        retour = returns.read(mailed(data.encode()))
        assert (retour.factures, retour.total_cents) == (whole.factures, whole.total_cents)
        assert "des fins de ligne séparent" in next(r for r in retour.remarques if r not in whole.remarques)


def test_arl_positive_and_negative() -> None:
    accused = "80101P" + "2025011520300000001" + "000012" + "00002" + "001" + "@"
    retour = returns.read(mailed(arl(accused, "80202P001250115002000005600@"), description="ARL/SV"))
    assert retour.nature is Nature.ARL and retour.arl is not None and retour.arl.accepte
    assert returns.cle_arl(retour).compostage == "2025011520300000001"
    assert returns.cle_arl(retour).identification_fichier == "000012"
    (lot,) = retour.arl.lots
    assert (lot.numero_lot, lot.accepte, lot.nombre_factures, lot.total_amo_cents) == ("001", True, 2, 5600)
    reason = "80303SIM9-002" + "SIGNATURE REFUSEE".ljust(80) + "000000012@"
    refused = returns.read(mailed(arl(accused.replace("P", "N"), reason, "80202N001250115002000005600@", reason)))
    assert refused.arl is not None and not refused.arl.accepte
    assert refused.arl.rejets[0].code == refused.arl.lots[0].rejets[0].code == "SIM9-002"
    with pytest.raises(ReturnMalformed):
        returns.read(mailed(arl(accused.replace("P", "Z"))))
    with pytest.raises(ReturnMalformed):
        returns.read(mailed(arl("80202P001250115002000005600@")))


def test_art_text_is_shown() -> None:
    raw = mailed(
        "Votre lot est arrivé.\r\n\x1b[2J".encode("cp1252"),
        description="ART/ER",
        subject="ART/00000991001011/202501160600",
    )
    retour = returns.read(raw)
    assert retour.nature is Nature.ART and retour.texte == "Votre lot est arrivé.\n[2J"


def test_unknown_mails_are_kept_and_said() -> None:
    for raw in (b"Subject: bonjour\r\n\r\nbonjour", mailed(b"%PDF-1.4"), mailed(noemie(E102, reference="XYZ")), b""):
        retour = returns.read(raw)
        assert retour.nature is Nature.INCONNU and retour.remarques
    assert returns.read(b"Subject: a\r\n\r\nbonjour").texte == "bonjour"


def test_broken_gzip_is_said() -> None:
    packed = gzip.compress(noemie(E102))
    for damaged in (packed[:-20], packed[:20] + b"\0" * 30):
        with pytest.raises(ReturnMalformed) as caught:
            returns.read(mailed(damaged))
        assert caught.value.where == "gzip"
    assert MailMalformed.exit_code == ReturnMalformed.exit_code == 3
