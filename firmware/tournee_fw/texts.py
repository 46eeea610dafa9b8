"""What the terminal shows a practitioner: French, at most 20 characters a line. The only place with such texts."""

COLUMNS = 20

CARD_ABSENT = "Carte %d : absente"
CARD_PRESENT = "Carte %d : insérée"
CARD_POWERED = "Carte %d : en lecture"
BATTERY = "Batterie : %d %%"

PIN_DEFAULT_PROMPT = "Code porteur"
PIN_ENTER = "OK=valider C=annuler"
PIN_TRIES = "Essais restants : %d"
PIN_CHECKING = "Vérification..."
PIN_GOOD = "Code correct"
PIN_WRONG = "Code faux"
PIN_LEFT_ONE = "Il reste 1 essai"
PIN_LEFT = "Il reste %d essais"
PIN_BLOCKED = "Carte bloquée"
PIN_BLOCKED_HINT = "Code de déblocage ?"
PIN_LAST = "DERNIER ESSAI"
PIN_LAST_1 = "Un code faux bloque"
PIN_LAST_2 = "la carte."
PIN_LAST_3 = "OK=essayer C=annuler"
PIN_CURRENT = "Code actuel"
PIN_NEW = "Nouveau code"
PIN_NEW_AGAIN = "Nouveau code, encore"
PIN_DIFFERENT = "Codes différents"
PIN_CHANGED = "Code changé"
PIN_CANCELLED = "Saisie annulée"
PIN_TIMEOUT = "Délai dépassé"
CARD_FAULT = "Carte : erreur"
CARD_REMOVED = "Carte retirée"
CONFIRM = "OK=oui      C=non"


def line(text: str) -> str:
    """Exactly 20 characters: cut or filled; a host's control characters are blanks."""
    text = text[:COLUMNS]
    if text and min(text) < " ":
        text = "".join([c if c >= " " else " " for c in text])
    return text + " " * (COLUMNS - len(text))
