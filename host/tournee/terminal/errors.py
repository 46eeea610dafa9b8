"""Typed errors of the terminal: what a practitioner reads, and the one thing to do.

`from_status` turns a `link.Status` into its error. A card's status word is data and never one of these.
"""

from __future__ import annotations

from typing import Final

from tournee.errors import CardError
from tournee.link.errors import LinkLost, LinkTimeout, LinkUnavailable
from tournee_protocol.link import Op, Status

__all__ = [
    "BadAtr",
    "Cancelled",
    "CardAbsent",
    "CardMute",
    "CardNotPowered",
    "CardProtocolError",
    "CardRemoved",
    "Forbidden",
    "KeypadTimeout",
    "LastTryRefused",
    "LinkLost",
    "LinkTimeout",
    "LinkUnavailable",
    "OutcomeUnknown",
    "PinBlocked",
    "ScriptError",
    "TerminalBusy",
    "TerminalError",
    "TerminalRestarted",
    "from_status",
]


class TerminalError(CardError):
    """The terminal could not do a request. `slot` counts from 0, None when no slot is meant."""

    code = "terminal"

    def __init__(self, what: str, remedy: str = "", *, slot: int | None = None, status: int | None = None) -> None:
        super().__init__(what, remedy)
        self.slot = slot
        self.status = status


class CardAbsent(TerminalError):
    code = "card_absent"


class CardMute(TerminalError):
    code = "card_mute"


class CardRemoved(TerminalError):
    code = "card_removed"


class CardNotPowered(TerminalError):
    code = "card_not_powered"


class BadAtr(TerminalError):
    code = "bad_atr"


class CardProtocolError(TerminalError):
    """The card broke ISO 7816-3, or its characters were damaged, or it was too slow."""

    code = "card_protocol"


class Cancelled(TerminalError):
    code = "cancelled"


class KeypadTimeout(TerminalError):
    code = "keypad_timeout"


class PinBlocked(TerminalError):
    code = "pin_blocked"


class LastTryRefused(TerminalError):
    code = "last_try_refused"


class ScriptError(TerminalError):
    code = "script"


class Forbidden(TerminalError):
    code = "forbidden"


class TerminalBusy(TerminalError):
    code = "terminal_busy"


class TerminalRestarted(TerminalError):
    """The terminal booted during the request; the request has had no effect outside the terminal."""

    code = "terminal_restarted"


class OutcomeUnknown(TerminalError):
    """A request that a card may have carried out (PIN try, signature) got no answer; it must not be repeated blindly.

    `op` says which; the caller reads the card's state and asks.
    """

    code = "outcome_unknown"

    def __init__(self, op: Op, *, restarted: bool) -> None:
        why = "Le terminal a redémarré" if restarted else "Liaison perdue avec le terminal"
        super().__init__(
            f"{why} pendant l'échange avec la carte : on ne sait pas si elle l'a terminé.",
            "Laissez les cartes en place et recommencez : leur état sera relu avant toute nouvelle tentative.",
        )
        self.op = op
        self.restarted = restarted


_TEXTS: Final[dict[int, tuple[type[TerminalError], str, str]]] = {
    Status.BUSY: (TerminalBusy, "Le terminal est occupé.", "Terminez la saisie sur le terminal, puis recommencez."),
    Status.BAD_SLOT: (
        TerminalError,
        "Ce terminal n'a pas de lecteur de ce numéro.",
        "Utilisez 0 ou 1 (tournee terminal slots).",
    ),
    Status.NO_CARD: (CardAbsent, "Carte absente du lecteur {n}.", "Insérez la carte, puce vers l'avant."),
    Status.MUTE: (
        CardMute,
        "La carte du lecteur {n} ne répond pas (carte muette).",
        "Retirez-la, vérifiez le sens et la puce, puis insérez-la de nouveau.",
    ),
    Status.REMOVED: (
        CardRemoved,
        "La carte du lecteur {n} a été arrachée pendant l'échange.",
        "Insérez-la de nouveau et laissez-la en place jusqu'à la fin.",
    ),
    Status.PROTOCOL: (
        CardProtocolError,
        "La carte du lecteur {n} répond de façon incompréhensible.",
        "Retirez-la, nettoyez la puce, puis insérez-la de nouveau.",
    ),
    Status.PARITY: (
        CardProtocolError,
        "Mauvais contact avec la carte du lecteur {n}.",
        "Retirez-la, nettoyez la puce, puis insérez-la de nouveau.",
    ),
    Status.TIMEOUT: (
        CardProtocolError,
        "La carte du lecteur {n} a cessé de répondre.",
        "Retirez-la, puis insérez-la de nouveau.",
    ),
    Status.NOT_POWERED: (
        CardNotPowered,
        "La carte du lecteur {n} n'est pas sous tension.",
        "Recommencez la lecture de la carte.",
    ),
    Status.BAD_ATR: (
        BadAtr,
        "La carte du lecteur {n} n'est pas une carte à puce reconnue.",
        "Insérez une CPS ou une carte Vitale, puce vers l'avant.",
    ),
    Status.PPS_FAILED: (
        CardProtocolError,
        "La carte du lecteur {n} refuse la vitesse d'échange.",
        "Retirez-la, puis insérez-la de nouveau.",
    ),
    Status.CANCELLED: (Cancelled, "Saisie annulée.", "Recommencez quand vous voulez : rien n'a été envoyé à la carte."),
    Status.KEYPAD_TIMEOUT: (
        KeypadTimeout,
        "Le code n'a pas été saisi à temps.",
        "Recommencez : rien n'a été envoyé à la carte.",
    ),
    Status.PIN_BLOCKED: (
        PinBlocked,
        "Carte bloquée : aucun essai de code ne reste.",
        "Débloquez-la avec votre code de déblocage ou appelez l'ANS.",
    ),
    Status.LAST_TRY_REFUSED: (
        LastTryRefused,
        "Dernier essai non confirmé : le code n'a pas été envoyé.",
        "Retrouvez votre code avant de recommencer : il reste 1 essai.",
    ),
    Status.SCRIPT_INVALID: (ScriptError, "Le terminal refuse le script.", "Mettez à jour le terminal."),
    Status.SCRIPT_LIMIT: (
        ScriptError,
        "La carte renvoie plus de données que le terminal n'en accepte.",
        "Vérifiez que c'est bien une CPS ou une carte Vitale.",
    ),
    Status.FORBIDDEN: (
        Forbidden,
        "Le terminal refuse cette commande : un code ne traverse jamais la liaison.",
        "Faites saisir le code sur le terminal.",
    ),
    Status.TOO_LONG: (TerminalError, "Message trop long pour le terminal.", "Signalez ce défaut."),
    Status.UNKNOWN_OP: (TerminalError, "Le terminal ne connaît pas cette commande.", "Mettez à jour le terminal."),
    Status.BAD_MESSAGE: (TerminalError, "Le terminal ne comprend pas la commande.", "Mettez à jour le terminal."),
    Status.INTERNAL: (TerminalError, "Défaut interne du terminal.", "Lisez tournee terminal log et signalez-le."),
}


def from_status(status: int, slot: int | None = None) -> TerminalError:
    """The typed error of a response whose status is not OK; `slot` counts from 0, also where it is shown."""
    unknown = (TerminalError, f"Le terminal répond par le code {status}, inconnu ici.", "Mettez à jour ce logiciel.")
    kind, what, remedy = _TEXTS.get(status, unknown)
    where = "" if slot is None else str(slot)
    return kind(what.replace(" {n}", f" {where}" if where else ""), remedy, slot=slot, status=status)
