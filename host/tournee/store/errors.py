"""What may go wrong with the journal, for a practitioner's eyes."""

from __future__ import annotations

from tournee.errors import RefusedError, TourneeError, UsageError


class NumbersExhausted(RefusedError):
    code = "numbers-exhausted"

    def __init__(self, series: str, last: int) -> None:
        super().__init__(
            f"La plage de numéros « {series} » est épuisée (dernier numéro : {last}).",
            "Donnez une nouvelle plage : tournee init --range.",
        )


class JournalLocked(RefusedError):
    code = "journal-locked"

    def __init__(self) -> None:
        super().__init__("Une autre commande tournee travaille sur ces données.", "Attendez sa fin, puis recommencez.")


class JournalNotWritten(RefusedError):
    code = "journal-not-written"

    def __init__(self, said: str) -> None:
        super().__init__(
            f"Le journal n'a pas pu être écrit ({said}) ; rien n'a changé.",
            "Libérez de la place sur le disque, vérifiez les droits du dossier, puis recommencez.",
        )


class JournalOfAnotherVersion(UsageError):
    code = "journal-version"

    def __init__(self, found: str, known: int) -> None:
        super().__init__(
            f"Ce journal est de la version {found} ; ce programme connaît la version {known}.",
            "Installez la version de tournee qui l'a écrit, ou une plus récente.",
        )


class WrongKey(UsageError):
    code = "wrong-key"

    def __init__(self) -> None:
        super().__init__(
            "Cette phrase secrète n'ouvre pas le journal.", "Vérifiez TOURNEE_PASSPHRASE, ou le trousseau du système."
        )


class NotInitialised(UsageError):
    code = "not-initialised"

    def __init__(self) -> None:
        super().__init__("Ce poste n'est pas encore configuré.", "Lancez : tournee init")


class JournalDamaged(TourneeError):
    code = "journal-damaged"

    def __init__(self, seq: int) -> None:
        super().__init__(
            f"L'entrée {seq} du journal est illisible ; les autres restent intactes.",
            "Restaurez une sauvegarde du dossier de données, sans effacer celui-ci.",
        )
