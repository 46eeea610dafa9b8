"""The host against the real firmware in MicroPython and byte-level cards: reading, PIN, signatures, and everything that goes wrong.

Every expectation on content comes from the catalogue of people by its public formats, never from what the host computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import tournee
from tournee.cards.errors import CardBlocked, CardMissing, CardRefused, UnknownCard, WrongPin
from tournee.door import Door
from tournee.errors import CardError
from tournee.signing import message
from tournee.signing.adapters.verify import verify
from tournee.signing.errors import SignatureInvalid
from tournee.terminal import errors
from tournee_protocol.link import SlotState
from tournee_sim.people import practitioner, unaccented, vitale

CPS, VITALE = 0, 1
DIGEST = bytes(range(32))
Terminals = Callable[..., Any]


@pytest.fixture
def opened() -> Iterator[Callable[[str], Door]]:
    """Doors that are closed with the test."""
    doors: list[Door] = []

    def make(url: str) -> Door:
        doors.append(tournee.open(url))
        return doors[-1]

    yield make
    for door in doors:
        door.close()


@pytest.fixture
def aside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Runs a call beside the test, which meanwhile types or pulls."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda call: pool.submit(call)


@pytest.mark.parametrize("link", ["tcp", "pty", "ble"])
def test_a_whole_reading_and_both_signatures(terminals: Terminals, opened: Any, link: str) -> None:
    board = terminals(link=link, auto_pin=True)
    desk = opened(board.url)
    person, family = practitioner("cps-medecin"), vitale("vitale-famille")

    public = desk.practitioner()
    assert public.numero_serie == person.numero_carte
    assert public.holder is not None
    assert public.holder.type_identification + public.holder.numero_identification + public.holder.cle == (
        person.numero_national
    )
    assert public.situations is None
    assert public.simulation

    free = desk.patient()
    assert [(b.nom, b.prenom, b.date_naissance, b.nir) for b in free.beneficiaires] == [
        (b.nom, b.prenom, b.naissance, b.nir + b.cle_nir) for b in family.beneficiaires
    ]
    assert (free.numero_serie, free.droits) == (family.numero_serie, None)

    cps = desk.open_cps()
    assert cps.situations is not None
    assert [s.numero_facturation for s in cps.situations] == [s.get("numero_facturation") for s in person.situations]

    rights = desk.patient_rights().droits
    assert rights is not None
    assert (rights.assure.regime, rights.assure.caisse) == (family.assure.get("regime"), family.assure.get("caisse"))
    assert [b.prenom for b in rights.beneficiaires] == [unaccented(b.prenom) for b in family.beneficiaires]
    assert all(b.periodes_amo for b in rights.beneficiaires)

    text = message("F", 7, DIGEST)
    by_cps, by_vitale = desk.sign_cps(text), desk.sign_vitale(text)
    assert cps.certificat_signature is not None and free.certificat is not None
    verify(cps.certificat_signature, text, by_cps)
    verify(free.certificat, text, by_vitale)
    with pytest.raises(SignatureInvalid):
        verify(cps.certificat_signature, text, by_vitale)
    cards = board.counters()["cards"]
    assert (cards[0]["verify"], cards[0]["sign"], cards[1]["sign"]) == (1, 1, 1)


def test_swapped_slots_are_worked_out_by_atr(terminals: Terminals, opened: Any) -> None:
    desk = opened(terminals(cps="vitale-seule", vitale="cps-medecin", auto_pin=True).url)
    assert desk.patient_rights().droits is not None
    assert desk.practitioner().numero_serie == practitioner("cps-medecin").numero_carte


def test_a_wrong_pin_says_how_many_tries_are_left_and_a_right_one_restores_them(
    terminals: Terminals, opened: Any, aside: Any
) -> None:
    board = terminals(pin="1234")
    desk = opened(board.url)
    for typed, left in (("9999\r", 2), ("0000\r", 1)):
        asking = aside(desk.open_cps)
        board.wait_display("valider")
        board.type(typed)
        with pytest.raises(WrongPin) as caught:
            asking.result(30)
        assert caught.value.tries_left == left
        assert str(caught.value) == f"code faux, il reste {left} essai{'s' if left > 1 else ''}"
        assert caught.value.exit_code == 4
    asking = aside(desk.open_cps)
    board.wait_display("essayer")
    board.type("\r")
    board.wait_display("valider")
    board.type("1234\r")
    assert asking.result(30).situations
    assert board.counters()["cards"][CPS]["verify"] == 3


def test_cancelled_and_last_try_refused_send_nothing(terminals: Terminals, opened: Any, aside: Any) -> None:
    board = terminals(pin="1234")
    desk = opened(board.url)
    asking = aside(desk.open_cps)
    board.wait_display("valider")
    board.type("12\x1b")
    with pytest.raises(errors.Cancelled):
        asking.result(30)
    assert board.counters()["cards"][CPS].get("verify", 0) == 0


def test_a_blocked_card(terminals: Terminals, opened: Any) -> None:
    board = terminals(cps="cps-bloquee")
    desk = opened(board.url)
    with pytest.raises((errors.PinBlocked, CardBlocked), match="bloquée"):
        desk.open_cps()
    assert desk.practitioner().numero_serie == practitioner("cps-bloquee").numero_carte
    assert board.counters()["cards"][CPS].get("verify", 0) == 0


@pytest.mark.parametrize(
    ("card", "kind", "text"),
    [
        (None, CardMissing, "CPS absente"),
        ("carte-muette", errors.CardMute, "muette"),
        ("carte-inconnue", UnknownCard, "Carte inconnue dans le lecteur 0"),
    ],
)
def test_a_card_that_is_no_cps_is_named_and_the_vitale_still_reads(
    terminals: Terminals, opened: Any, card: str | None, kind: type[CardError], text: str
) -> None:
    desk = opened(terminals(cps=card).url)
    with pytest.raises(kind, match=text) as caught:
        desk.practitioner()
    assert caught.value.remedy
    assert desk.patient().beneficiaires
    with pytest.raises(kind):
        desk.patient_rights()


def test_the_card_comes_and_is_read_without_starting_again(terminals: Terminals, opened: Any) -> None:
    board = terminals(vitale=None)
    desk = opened(board.url)
    with pytest.raises(CardMissing, match="Carte Vitale absente"):
        desk.patient()
    board.insert(VITALE, "vitale-seule")
    assert desk.patient().numero_serie == vitale("vitale-seule").numero_serie


def test_another_vitale_is_never_taken_for_the_one_before(terminals: Terminals, opened: Any) -> None:
    board = terminals(auto_pin=True)
    desk = opened(board.url)
    first = desk.patient_rights()
    board.pull(VITALE)
    board.insert(VITALE, "vitale-agricole")
    second = desk.patient_rights()
    assert second.numero_serie == vitale("vitale-agricole").numero_serie != first.numero_serie
    assert second.droits is not None and first.droits is not None
    assert second.droits.assure.regime == "02"
    assert board.counters()["cards"][CPS]["verify"] == 1, "the PIN is asked once per CPS session"


def test_the_pin_is_asked_again_after_the_cps_was_pulled(terminals: Terminals, opened: Any) -> None:
    board = terminals(auto_pin=True)
    desk = opened(board.url)
    desk.open_cps()
    board.pull(CPS)
    board.insert(CPS, "cps-medecin")
    text = message("L", 1, DIGEST)
    with pytest.raises((errors.CardNotPowered, errors.CardAbsent, errors.CardRemoved)):
        desk.sign_cps(text)  # not made in silence: the card of another could be there
    cps = desk.open_cps()
    assert cps.certificat_signature is not None
    verify(cps.certificat_signature, text, desk.sign_cps(text))
    assert board.counters()["cards"][CPS]["sign"] == 1


@pytest.mark.parametrize("after", [0, 5, 40, 300])
def test_a_card_pulled_in_mid_exchange_is_told_and_reads_again(terminals: Terminals, opened: Any, after: int) -> None:
    board = terminals()
    desk = opened(board.url)
    assert desk.slots()[VITALE].state is SlotState.PRESENT
    desk.power_on(VITALE)
    board.fault("pull", VITALE, after=after, count=1)
    with pytest.raises(CardError) as caught:
        desk.patient()
    assert isinstance(caught.value, (errors.CardRemoved, errors.CardAbsent, CardMissing)), caught.value
    board.clear_faults()
    board.insert(VITALE, "vitale-famille")
    assert desk.patient().beneficiaires


def test_a_card_that_refuses_everything(terminals: Terminals, opened: Any) -> None:
    board = terminals()
    desk = opened(board.url)
    board.fault("sw-6f00", VITALE)
    with pytest.raises(CardRefused, match="6F00"):
        desk.patient()
    board.clear_faults()
    assert desk.patient().beneficiaires


@pytest.mark.parametrize("direction", ["to_host", "to_board"])
@pytest.mark.parametrize("after", [0, 9, 30])
def test_the_link_is_cut_in_mid_signature_and_it_is_made_once(
    terminals: Terminals, opened: Any, direction: str, after: int
) -> None:
    board = terminals(auto_pin=True)
    desk = opened(board.url)
    cps = desk.open_cps()
    text = message("F", 12, DIGEST)
    board.fault("link-cut", direction=direction, after=after)
    signature = desk.sign_cps(text)
    assert cps.certificat_signature is not None
    verify(cps.certificat_signature, text, signature)
    assert board.counters()["cards"][CPS]["sign"] == 1


def test_the_link_is_lost_while_the_pin_is_typed(terminals: Terminals, opened: Any, aside: Any) -> None:
    board = terminals(pin="1234")
    desk = opened(board.url)
    asking = aside(desk.open_cps)
    board.wait_display("valider")
    board.type("12")
    board.fault("link-cut", direction="to_host", after=0)
    board.type("34\r")
    assert asking.result(60).situations
    assert board.counters()["cards"][CPS]["verify"] == 1


def test_a_terminal_killed_in_mid_signature_leaves_it_unknown_and_can_go_on(terminals: Terminals, opened: Any) -> None:
    board = terminals(auto_pin=True)
    desk = opened(board.url)
    before = desk.info().boot_id
    cps = desk.open_cps()
    text = message("F", 13, DIGEST)
    with ThreadPoolExecutor(1) as pool:
        board.fault("kill", direction="to_board", after=1)
        on_again = board.restart_when_off()
        signing = pool.submit(desk.sign_cps, text)
        on_again.result(60)
        with pytest.raises(errors.OutcomeUnknown):
            signing.result(60)
    assert desk.info().boot_id != before
    cps = desk.open_cps()
    assert cps.certificat_signature is not None
    verify(cps.certificat_signature, text, desk.sign_cps(text))
