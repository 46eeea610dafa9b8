"""The host against the real firmware in MicroPython and byte-level cards: reading, PIN, signatures, and everything that goes wrong.

What is about cards runs over both transports, the terminal's own link and `pcsc:` (pcscd and libccidtwin on the same firmware).
Every expectation on content comes from the catalogue of people by its public formats, never from what the host computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tournee
from tests.tools.pcscd import Daemon
from tournee.cards.adapters import pcsc
from tournee.cards.errors import CardBlocked, CardMissing, CardRefused, UnknownCard, WrongPin
from tournee.door import Door
from tournee.errors import CardError
from tournee.signing import message
from tournee.signing.adapters.verify import verify
from tournee.signing.errors import SignatureInvalid
from tournee.terminal import errors
from tournee_protocol.link import SlotState
from tournee_sim.people import practitioner, unaccented, vitale
from tournee_sim.pytest_plugin import need

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


class Seat:
    """A desk at a terminal: codes are typed on its keypad, cards put into it."""

    def __init__(self, board: Any, desk: Door, aside: Callable[[Callable[[], Any]], Future[Any]]) -> None:
        self.board = board
        self.desk = desk
        self._aside = aside

    def open_cps(self, *steps: tuple[str, str]) -> Any:
        """`steps`: what the display shows, and the keys then typed."""
        asking = self._aside(self.desk.open_cps)
        for shown, keys in steps:
            self.board.wait_display(shown)
            self.board.type(keys)
        return asking.result(30)

    def insert(self, slot: int, card: str) -> None:
        self.board.insert(slot, card)

    def pull(self, slot: int) -> None:
        self.board.pull(slot)


class PcscSeat(Seat):
    """The same with a stock driver between, which looks at the slots every 400 ms; codes are typed at the computer."""

    def __init__(self, board: Any, desk: Door, aside: Callable[[Callable[[], Any]], Future[Any]]) -> None:
        super().__init__(board, desk, aside)
        self.steps: list[tuple[str, str]] = []

    def answer(self, prompt: str, least: int, most: int) -> str:
        """In the place of the computer's keyboard."""
        if self.board.board.config.auto_pin:
            return str(self.board.pin)
        shown, keys = self.steps.pop(0)
        if shown == "essayer":
            assert "DERNIER ESSAI" in prompt
            shown, keys = self.steps.pop(0)
        if keys.endswith("\x1b"):
            raise EOFError
        return keys.removesuffix("\r")

    def open_cps(self, *steps: tuple[str, str]) -> Any:
        self.steps = list(steps)
        opened = self.desk.open_cps()
        assert not self.steps, "every step was asked for"
        return opened

    def insert(self, slot: int, card: str) -> None:
        super().insert(slot, card)
        self._until(slot, SlotState.PRESENT)

    def pull(self, slot: int) -> None:
        super().pull(slot)
        self._until(slot, SlotState.ABSENT)

    def _until(self, slot: int, state: SlotState) -> None:
        end = time.monotonic() + 20
        while self.desk.slots()[slot].state is not state:
            assert time.monotonic() < end, f"pcscd does not see it: {self.desk.slots()[slot].state}"


@pytest.fixture
def daemons() -> Iterator[list[Daemon]]:
    """Ended after the desks."""
    started: list[Daemon] = []
    yield started
    for daemon in started:
        daemon.close()


@pytest.fixture(params=["link", "pcsc"])
def sit(
    request: pytest.FixtureRequest,
    daemons: list[Daemon],
    terminals: Terminals,
    opened: Any,
    aside: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Seat]:
    """`sit(cps=…)`: a terminal and a desk at it, over one transport after the other."""

    def by_link(**options: Any) -> Seat:
        board = terminals(**options)
        return Seat(board, opened(board.url), aside)

    def by_pcsc(**options: Any) -> Seat:
        for capability in ("ccidtwin", "tty", "pyscard"):
            need(capability)
        state = tmp_path / "pcsc"
        board = terminals(pcsc="SEC1210", state=state, **options)
        daemons.append(Daemon(state / "reader.conf.d"))
        daemons[-1].wait_cards(*(card is not None for card in board.status()["slots"]))
        daemons[-1].open_here()
        seats: list[PcscSeat] = []
        monkeypatch.setattr(pcsc, "ask_on_this_computer", lambda *asked: seats[0].answer(*asked))
        seats.append(PcscSeat(board, opened("pcsc:Tournee"), aside))
        return seats[0]

    return by_link if request.param == "link" else by_pcsc


@pytest.mark.parametrize("link", ["pty", "ble"])
def test_a_whole_reading_over_the_other_links(terminals: Terminals, opened: Any, link: str) -> None:
    board = terminals(link=link, auto_pin=True)
    _read_and_sign(board, opened(board.url))


def test_a_whole_reading_and_both_signatures(sit: Callable[..., Seat]) -> None:
    seat = sit(auto_pin=True)
    _read_and_sign(seat.board, seat.desk)


def _read_and_sign(board: Any, desk: Door) -> None:
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


def test_swapped_slots_are_worked_out_by_atr(sit: Callable[..., Seat]) -> None:
    desk = sit(cps="vitale-seule", vitale="cps-medecin", auto_pin=True).desk
    assert desk.patient_rights().droits is not None
    assert desk.practitioner().numero_serie == practitioner("cps-medecin").numero_carte


def test_a_wrong_pin_says_how_many_tries_are_left_and_a_right_one_restores_them(sit: Callable[..., Seat]) -> None:
    seat = sit(pin="1234")
    for typed, left in (("9999\r", 2), ("0000\r", 1)):
        with pytest.raises(WrongPin) as caught:
            seat.open_cps(("valider", typed))
        assert caught.value.tries_left == left
        assert str(caught.value) == f"code faux, il reste {left} essai{'s' if left > 1 else ''}"
        assert caught.value.exit_code == 4
    assert seat.open_cps(("essayer", "\r"), ("valider", "1234\r")).situations
    assert seat.board.counters()["cards"][CPS]["verify"] == 3


def test_cancelled_sends_nothing(sit: Callable[..., Seat]) -> None:
    seat = sit(pin="1234")
    with pytest.raises(errors.Cancelled):
        seat.open_cps(("valider", "12\x1b"))
    assert seat.board.counters()["cards"][CPS].get("verify", 0) == 0


def test_a_blocked_card(sit: Callable[..., Seat]) -> None:
    seat = sit(cps="cps-bloquee")
    board, desk = seat.board, seat.desk
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
    sit: Callable[..., Seat], card: str | None, kind: type[CardError], text: str
) -> None:
    desk = sit(cps=card).desk
    with pytest.raises(kind, match=text) as caught:
        desk.practitioner()
    assert caught.value.remedy
    assert desk.patient().beneficiaires
    with pytest.raises(kind):
        desk.patient_rights()


def test_the_card_comes_and_is_read_without_starting_again(sit: Callable[..., Seat]) -> None:
    seat = sit(vitale=None)
    desk = seat.desk
    with pytest.raises(CardMissing, match="Carte Vitale absente"):
        desk.patient()
    seat.insert(VITALE, "vitale-seule")
    assert desk.patient().numero_serie == vitale("vitale-seule").numero_serie


def test_another_vitale_is_never_taken_for_the_one_before(sit: Callable[..., Seat]) -> None:
    seat = sit(auto_pin=True)
    board, desk = seat.board, seat.desk
    first = desk.patient_rights()
    seat.pull(VITALE)
    seat.insert(VITALE, "vitale-agricole")
    second = desk.patient_rights()
    assert second.numero_serie == vitale("vitale-agricole").numero_serie != first.numero_serie
    assert second.droits is not None and first.droits is not None
    assert second.droits.assure.regime == "02"
    assert board.counters()["cards"][CPS]["verify"] == 1, "the PIN is asked once per CPS session"


def test_the_pin_is_asked_again_after_the_cps_was_pulled(sit: Callable[..., Seat]) -> None:
    seat = sit(auto_pin=True)
    board, desk = seat.board, seat.desk
    desk.open_cps()
    seat.pull(CPS)
    seat.insert(CPS, "cps-medecin")
    text = message("L", 1, DIGEST)
    with pytest.raises((errors.CardNotPowered, errors.CardAbsent, errors.CardRemoved)):
        desk.sign_cps(text)  # not made in silence: the card of another could be there
    cps = desk.open_cps()
    assert cps.certificat_signature is not None
    verify(cps.certificat_signature, text, desk.sign_cps(text))
    assert board.counters()["cards"][CPS]["sign"] == 1


@pytest.mark.parametrize("after", [0, 5, 40, 300])
def test_a_card_pulled_in_mid_exchange_is_told_and_reads_again(sit: Callable[..., Seat], after: int) -> None:
    seat = sit()
    board, desk = seat.board, seat.desk
    assert desk.slots()[VITALE].state is SlotState.PRESENT
    desk.power_on(VITALE)
    board.fault("pull", VITALE, after=after, count=1)
    with pytest.raises(CardError) as caught:
        desk.patient()
    assert isinstance(caught.value, (errors.CardRemoved, errors.CardAbsent, CardMissing)), caught.value
    board.clear_faults()
    seat.insert(VITALE, "vitale-famille")
    assert desk.patient().beneficiaires


def test_a_card_that_refuses_everything(sit: Callable[..., Seat]) -> None:
    seat = sit()
    board, desk = seat.board, seat.desk
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
