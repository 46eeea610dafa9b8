"""V23: what goes wrong at a bedside. One clear French sentence, one remedy, the right exit code, nothing secret; then the same visit goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tools.forked import Ended
from tests.tools.practice import Practice, practice
from tournee.billing.lifecycle import State
from tournee_sim.people import practitioner, vitale

CARD, REFUSED, NETWORK = 4, 3, 5
CPS, VITALE = "cps-medecin", "vitale-famille"
HELD = (CPS, VITALE)
NOBODY = "tcp:127.0.0.1:1"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Practice]:
    with practice(tmp_path_factory.mktemp("bad-input"), keys) as made:
        yield made


@pytest.fixture(scope="module")
def bill(office: Practice) -> str:
    """A valid bill that nothing that goes wrong may change."""
    return office.new_bill()


@pytest.fixture(autouse=True)
def _both_cards_in_place(office: Practice) -> Iterator[None]:
    yield
    for slot, card in enumerate(HELD):
        put(office, slot, card)


def put(office: Practice, slot: int, card: str | None) -> None:
    held = office.board.status()["slots"][slot]
    if held == card:
        return
    if held is not None:
        office.board.pull(slot)
    if card is not None:
        office.board.insert(slot, card)


@contextmanager
def nothing_changes(office: Practice) -> Iterator[None]:
    """No journal entry more, no signature, no number."""

    def seen() -> tuple[int, dict[str, int]]:
        with office.journal() as journal:
            return len(journal.entries()), office.next_numbers()

    before = seen()
    yield
    assert seen() == before


def refused(office: Practice, code: int, message: str, *argv: str) -> Ended:
    """The command fails with `code`, says `message` and one remedy, and gives nothing away."""
    ended = office.run(*argv, ok=(code,))
    said = ended.stderr.strip().splitlines()
    assert message in ended.stderr, ended.text
    assert sum("→" in line for line in said) == 1, ended.text
    assert said[-1].strip().startswith("→ ") and len(said[-1]) > 10, ended.text
    for secret in secrets(office):
        assert secret.casefold() not in ended.stderr.casefold(), "a secret in an error"
    return ended


def secrets(office: Practice) -> list[str]:
    """PINs, NIRs and names of everybody who may be near."""
    found = [office.pin, "0000"]
    for card in ("vitale-famille", "vitale-seule", "vitale-perimee"):
        for person in vitale(card).beneficiaires:
            found += [person.nir, person.nom, person.prenom]
    for card in ("cps-medecin", "cps-infirmiere"):
        found += [practitioner(card).nom, practitioner(card).prenom]
    return [text for text in found if len(text) >= 4]


def new(office: Practice) -> tuple[str, ...]:
    return "bill", "new", "--answers", office.answers(), "--json"


# Cards

WRONG_CARDS = [
    pytest.param("new", 0, None, "CPS absente", id="no-cps"),
    pytest.param("new", 1, None, "Carte Vitale absente", id="no-vitale"),
    pytest.param("sign", 0, None, "CPS absente", id="no-cps-at-signing"),
    pytest.param("sign", 1, None, "Carte Vitale absente", id="no-vitale-at-signing"),
    pytest.param("new", 0, "carte-muette", "lecteur 0 ne répond pas (carte muette)", id="mute-cps"),
    pytest.param("new", 1, "carte-muette", "lecteur 1 ne répond pas (carte muette)", id="mute-vitale"),
    pytest.param("new", 0, "carte-inconnue", "Carte inconnue dans le lecteur 0", id="foreign-cps"),
    pytest.param("new", 1, "carte-inconnue", "Carte inconnue dans le lecteur 1", id="foreign-vitale"),
    pytest.param("sign", 1, "carte-inconnue", "Carte inconnue dans le lecteur 1", id="foreign-vitale-at-signing"),
    pytest.param("new", 0, "cps-bloquee", "Carte bloquée : aucun essai de code ne reste", id="blocked-cps"),
    pytest.param("sign", 0, "cps-bloquee", "Carte bloquée : aucun essai de code ne reste", id="blocked-at-signing"),
    pytest.param("new", 0, "cps-infirmiere", "n'est pas celle du praticien configuré", id="another-cps"),
    pytest.param("sign", 0, "cps-infirmiere", "n'est pas celle du praticien configuré", id="another-cps-at-signing"),
    pytest.param("sign", 1, "vitale-seule", "n'est pas celle de ce patient", id="another-patient-at-signing"),
    pytest.param("new", 0, "vitale-seule", "Les deux lecteurs contiennent une carte Vitale", id="two-vitale"),
]


@pytest.mark.parametrize(("command", "slot", "card", "message"), WRONG_CARDS)
def test_wrong_card(office: Practice, bill: str, command: str, slot: int, card: str | None, message: str) -> None:
    put(office, slot, card)
    with nothing_changes(office):
        refused(office, CARD, message, *(new(office) if command == "new" else ("bill", "sign", bill)))
    put(office, slot, HELD[slot])
    assert office.run("bill", "new", "--resume", bill, "--json", ok=(0,)).json["status"] == "valid"


def test_cards_in_swapped_slots_work(office: Practice) -> None:
    for slot in (0, 1):
        put(office, slot, None)
    put(office, 0, VITALE)
    put(office, 1, CPS)
    swapped = office.new_bill()
    office.run("bill", "sign", swapped)
    assert office.bill(swapped).state is State.SIGNED
    for slot in (0, 1):
        put(office, slot, None)


def test_an_expired_vitale_says_what_to_do_and_keeps_the_draft(office: Practice) -> None:
    put(office, 1, "vitale-perimee")
    made = office.run(*new(office), ok=(REFUSED,)).json
    texts = [e["text"] for e in made["evaluation"]["errors"]]
    assert any("n'est plus valide depuis le 31/12/2024" in text for text in texts), texts
    assert all(e["remedy"] for e in made["evaluation"]["errors"])
    with nothing_changes(office):
        refused(office, REFUSED, "La facture n'est pas valide", "bill", "sign", made["bill"])
    office.run("bill", "cancel", made["bill"], "--reason", "carte périmée")
    assert office.bill(made["bill"]).state is State.CANCELLED


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("after", [0, 7, 60, 300])
def test_a_card_pulled_in_mid_exchange(office: Practice, slot: int, after: int) -> None:
    """Bytes of the card's line are counted; at 0 it has gone before the first."""
    office.board.fault("pull", slot=slot, after=after)
    with nothing_changes(office):
        message = "absente" if after == 0 else f"La carte du lecteur {slot} a été arrachée"
        refused(office, CARD, message, *new(office))
    put(office, slot, HELD[slot])
    office.run(*new(office))


def test_a_card_pulled_while_it_signs_keeps_number_and_bill(office: Practice) -> None:
    mine = office.new_bill()
    office.board.fault("pull", slot=1, after=_bytes_of_signing(office))
    refused(office, CARD, "La carte du lecteur 1 a été arrachée", "bill", "sign", mine)
    numero = office.bill(mine).numero
    assert office.bill(mine).state is State.VALID and numero is not None
    put(office, 1, VITALE)
    office.run("bill", "sign", mine)
    assert (office.bill(mine).state, office.bill(mine).numero) == (State.SIGNED, numero)


def _bytes_of_signing(office: Practice) -> int:
    """Into the last exchange of the Vitale of a signed bill: its signature."""

    def passed() -> int:
        line = office.board.counters()["card_bytes"][1]
        return int(line["to_card"]) + int(line["to_board"])

    other, before = office.new_bill(), passed()
    before = passed()
    office.run("bill", "sign", other)
    return passed() - before - 100


# The code


def test_a_wrong_code_then_the_last_try_then_the_right_code(office: Practice, bill: str) -> None:
    sign = ("bill", "sign", bill)
    verified = office.card(0)["verify"]
    office.run("terminal", "lock")
    office.type_pin("0000")
    with nothing_changes(office):
        refused(office, CARD, "code faux, il reste 2 essais", *sign)
        refused(office, CARD, "code faux, il reste 1 essai\n", *sign)
        office.fingers(False)
        running = office.commands.start(*sign)
        office.board.wait_display("essayer")
        office.board.type("\x1b")
        ended = running.wait()
        assert ended.code == CARD and "Dernier essai non confirmé" in ended.stderr, ended.text
    assert office.card(0)["verify"] == verified + 2, "the last try was not made"
    office.fingers(True)
    office.type_pin(office.pin)
    assert office.run("bill", "new", "--resume", bill, "--json").json["status"] == "valid"
    office.run("read", "cps")
    assert office.card(0)["tries_left"] == 3


def test_a_code_that_is_cancelled_costs_no_try(office: Practice, bill: str) -> None:
    office.run("terminal", "lock")
    office.fingers(False)
    verified = office.card(0)["verify"]
    with nothing_changes(office):
        running = office.commands.start("bill", "sign", bill)
        office.board.wait_display("valider")
        office.board.type("47\x1b")
        ended = running.wait()
    assert ended.code == CARD and "Saisie annulée." in ended.stderr, ended.text
    assert office.card(0)["verify"] == verified
    office.fingers(True)
    office.run("read", "cps")


# The link


@pytest.mark.parametrize("after", [40, 700, 2500])
def test_a_link_that_is_lost_and_found_in_mid_signature_signs_once(office: Practice, after: int) -> None:
    mine = office.new_bill()
    before = [office.card(slot).get("sign", 0) for slot in (0, 1)]
    verified = office.card(0)["verify"]
    office.board.fault("link-cut", after=after)
    ended = office.run("bill", "sign", mine)
    assert "Liaison perdue" in ended.stderr and "Liaison retrouvée." in ended.stderr, ended.text
    assert [office.card(slot)["sign"] for slot in (0, 1)] == [n + 1 for n in before]
    assert office.card(0)["verify"] == verified
    assert office.bill(mine).state is State.SIGNED


@pytest.mark.parametrize("command", [("bill", "new", "--json"), ("send",), ("terminal", "info")], ids=" ".join)
def test_no_terminal_at_its_address(office: Practice, command: tuple[str, ...]) -> None:
    if command == ("send",):
        office.run("bill", "sign", office.new_bill())
    with nothing_changes(office):
        message = "Terminal injoignable à 127.0.0.1:1 (connexion refusée)"
        ended = office.run(*command, ok=(CARD,), TOURNEE_TERMINAL=NOBODY)
        assert message in ended.stderr and ended.stderr.count("→") == 1, ended.text


def test_a_terminal_that_is_off_says_so_and_the_visit_goes_on_when_it_is_back(office: Practice, bill: str) -> None:
    office.board.kill()
    try:
        with nothing_changes(office):
            refused(office, CARD, "Le terminal ne répond pas.", "bill", "sign", bill)
    finally:
        office.board.restart()
    assert office.run("bill", "new", "--resume", bill, "--json").json["status"] == "valid"


# The fund


@pytest.fixture
def closed(office: Practice) -> Iterator[Callable[[str], None]]:
    """A mail server whose port is closed, until the end of the test."""

    def close(option: str) -> None:
        office.init(option, "127.0.0.1:1")

    yield close
    office.init()


def test_a_fund_that_refuses_the_connection_then_takes_the_same_file(
    office: Practice, bill: str, closed: Callable[[str], None]
) -> None:
    """And the bill to which nothing of all this has happened is paid in the end, like all others."""
    office.run("bill", "sign", bill)
    closed("--smtp")
    signed = office.card(0)["sign"]
    refused(office, NETWORK, "127.0.0.1:1 refuse la connexion", "send")
    files = office.next_numbers()["fichier"]
    todo = office.todo()
    assert todo and todo[0].remedy == "tournee send"
    refused(office, NETWORK, "127.0.0.1:1 refuse la connexion", "send")
    assert (office.card(0)["sign"], office.next_numbers()["fichier"]) == (signed + 1, files), (
        "one lot signature for both"
    )
    office.init()
    office.run("send")
    assert office.card(0)["sign"] == signed + 1
    closed("--pop3")
    with nothing_changes(office):
        refused(office, NETWORK, "127.0.0.1:1 refuse la connexion", "inbox")
    office.init()
    office.run("inbox", "--wait", "60")
    left = [d for d in office.bills() if d.numero is not None and d.state is not State.PAID]
    assert not left and office.bill(bill).state is State.PAID
    assert office.numbers() == list(range(1, len(office.numbers()) + 1))


def test_nothing_to_send_says_what_comes_first(office: Practice) -> None:
    office.run("send", ok=(0, REFUSED))
    with nothing_changes(office):
        refused(office, REFUSED, "Il n'y a rien à envoyer.", "send")
