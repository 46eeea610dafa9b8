"""What cards can refuse, in the words of a practitioner; one remedy each. The reader's own errors stand in `terminal.errors`."""

from __future__ import annotations

from tournee.errors import CardError

_NAMES = {"cps": "CPS", "vitale": "carte Vitale"}
_PLURALS = {"cps": "CPS", "vitale": "cartes Vitale"}


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


class CardMissing(CardError):
    """`card` is in no slot."""

    code = "card_missing"

    def __init__(self, card: str) -> None:
        super().__init__(
            f"{_capital(_NAMES[card])} absente.", f"Insérez la {_NAMES[card]} dans un des lecteurs, puce vers l'avant."
        )
        self.card = card


class UnknownCard(CardError):
    """Neither a CPS nor a Vitale; `atr` is no secret."""

    code = "card_unknown"

    def __init__(self, slot: int, atr: bytes, label: str = "", *, wanted: str = "") -> None:
        name = f" ({label})" if label else ""
        wish = f" à la place de la {_NAMES[wanted]}" if wanted else ""
        super().__init__(
            f"Carte inconnue dans le lecteur {slot}{name}{wish}.", "Remplacez-la par une CPS ou une carte Vitale."
        )
        self.slot = slot
        self.atr = atr


class UnsupportedCard(CardError):
    """A health card of a generation that is not read yet."""

    code = "card_unsupported"

    def __init__(self, label: str) -> None:
        super().__init__(f"{label} : cette génération n'est pas encore lue.", "Utilisez une CPS3 ou une Vitale 2.")


class TwoCardsAlike(CardError):
    code = "two_cards_alike"

    def __init__(self, card: str) -> None:
        super().__init__(
            f"Les deux lecteurs contiennent une {_NAMES[card]}.", f"Retirez l'une des deux {_PLURALS[card]}."
        )


class WrongPin(CardError):
    """`tries_left` as the card says."""

    code = "wrong_pin"

    def __init__(self, tries_left: int | None) -> None:
        left = "" if tries_left is None else f", il reste {tries_left} essai{'s' if tries_left > 1 else ''}"
        remedy = "Recommencez avec le bon code porteur."
        if tries_left == 1:
            remedy = "Retrouvez votre code avant de recommencer : au prochain code faux, la carte se bloque."
        super().__init__(f"code faux{left}", remedy)
        self.tries_left = tries_left


class CardBlocked(CardError):
    code = "card_blocked"

    def __init__(self, card: str = "cps") -> None:
        super().__init__(
            f"{_capital(_NAMES[card])} bloquée : trois codes faux.",
            "Débloquez-la avec votre code de déblocage ou appelez l'ANS.",
        )


class CardRefused(CardError):
    """A status word that the sequence does not expect. `sw` is no secret."""

    code = "card_refused"

    def __init__(
        self, what: str, sw: int, remedy: str = "Retirez la carte, insérez-la de nouveau et recommencez."
    ) -> None:
        super().__init__(f"La carte refuse : {what} (code {sw:04X}).", remedy)
        self.sw = sw


class NotVerified(CardRefused):
    """The code porteur must be presented first (6982)."""

    code = "pin_needed"


class CardDataError(CardError):
    """Bytes of a card that are not what the standard says; `place` names the file and never its content."""

    code = "card_data"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"Données illisibles sur la carte ({place} : {reason}).",
            "Retirez la carte, nettoyez la puce et recommencez ; si cela revient, faites-la remplacer.",
        )
        self.place = place
