"""What the use cases refuse, for a practitioner's eyes."""

from __future__ import annotations

from tournee.errors import CardError, RefusedError, UsageError


class BillUnknown(UsageError):
    code = "bill-unknown"

    def __init__(self, wanted: str) -> None:
        super().__init__(f"Aucune facture ne correspond à « {wanted} ».", "Voyez la liste : tournee bill list")


class BillAmbiguous(UsageError):
    code = "bill-ambiguous"

    def __init__(self, wanted: str, count: int) -> None:
        super().__init__(f"« {wanted} » désigne {count} factures.", "Donnez quelques caractères de plus.")


class WrongState(RefusedError):
    """The step does not fit the bill's state."""

    code = "wrong-state"


class SignatureUnknown(RefusedError):
    """A signature was begun and its outcome is not known: never repeated without a person's word."""

    code = "signature-unknown"

    def __init__(self, signer: str, subject: str) -> None:
        super().__init__(
            f"Une signature ({signer}) de {subject} était en cours quand le programme ou la liaison s'est arrêté ;"
            " son résultat n'est pas connu.",
            "Signer à nouveau est sans risque (même numéro, mêmes données) : refaites la commande avec --again.",
        )
        self.signer = signer


class WrongCard(CardError):
    """The card in the reader is not the one this bill was made with."""

    code = "wrong-card"


class NothingToSend(RefusedError):
    code = "nothing-to-send"


class NotTheHolder(CardError):
    code = "not-the-holder"

    def __init__(self) -> None:
        super().__init__(
            "Cette CPS n'est pas celle du praticien configuré sur ce poste.",
            "Insérez votre CPS, ou configurez le poste pour celle-ci : tournee init",
        )
