"""What can be wrong with a record or a file, the same from both twins: place, field, problem and remedy, never a personal value."""

from __future__ import annotations

from enum import StrEnum

from tournee.errors import RefusedError


class Problem(StrEnum):
    """Stable codes; the sentence stands in `_TEXTS`."""

    TYPE = "type"  # value of the wrong Python type
    MISSING = "missing"  # None in a field that may not be blank
    OVERFLOW = "overflow"  # longer than the field
    NEGATIVE = "negative"
    CHARACTERS = "characters"  # a character that the field does not permit
    CONSTANT = "constant"  # bytes differ from what the norm fixes
    ARITY = "arity"  # a row with another number of values than the record has fields
    UNKNOWN_RECORD = "unknown_record"
    TRUNCATED = "truncated"  # the bytes end inside a record
    LENGTH = "length"  # more or fewer bytes than the record has
    TERMINATOR = "terminator"  # an entity does not end with @
    COUNT = "count"  # a counter does not fit its field or does not agree with what is counted
    TOTAL = "total"  # an amount does not add up
    ORDER = "order"  # a record where the structure does not permit it
    DUPLICATE = "duplicate"
    VALUE = "value"  # a code outside the list of the table
    SEPARATOR = "separator"  # line ends between records
    ENCODING = "encoding"  # EBCDIC or UTF-8 instead of ASCII
    MISMATCH = "mismatch"  # differs from what an earlier record says
    PROFILE = "profile"  # no known layout
    LOTS = "lots"  # a layout without lots where lots are asked for


_TEXTS: dict[Problem, tuple[str, str]] = {
    Problem.TYPE: ("valeur d'un type inattendu", "Donnez un entier pour un nombre, un texte pour le reste."),
    Problem.MISSING: ("valeur absente", "Renseignez ce champ : il ne peut pas rester vide."),
    Problem.OVERFLOW: ("valeur trop longue pour le champ", "Raccourcissez la valeur ou partagez la facture ou le lot."),
    Problem.NEGATIVE: ("nombre négatif", "Donnez un nombre positif ou nul."),
    Problem.CHARACTERS: ("caractère non permis", "Utilisez les caractères permis du champ (docs/LAYOUTS.md)."),
    Problem.CONSTANT: ("valeur fixe différente de la norme", "Vérifiez la norme et la version du fichier."),
    Problem.ARITY: ("nombre de valeurs inattendu", "Donnez une valeur par champ de l'enregistrement."),
    Problem.UNKNOWN_RECORD: ("type d'enregistrement inconnu", "Vérifiez la norme du fichier et son découpage en 128 octets."),
    Problem.TRUNCATED: ("enregistrement incomplet", "Redemandez le fichier : il a été coupé ou des séparateurs y ont été ajoutés."),
    Problem.LENGTH: ("longueur autre que celle de la norme", "Redemandez le fichier : des caractères y manquent ou y ont été ajoutés."),
    Problem.TERMINATOR: ("fin d'entité @ absente", "Redemandez le fichier ou signalez-le à l'émetteur."),
    Problem.COUNT: ("compteur inexact", "Recomptez les enregistrements : le fichier a été modifié ou coupé."),
    Problem.TOTAL: ("total inexact", "Recalculez les totaux : le fichier a été modifié ou coupé."),
    Problem.ORDER: ("enregistrement mal placé", "Vérifiez l'ordre 000 { 1 { 2 2S 4 5 } 6 } 999."),
    Problem.DUPLICATE: ("numéro déjà utilisé", "Donnez un numéro neuf."),
    Problem.VALUE: ("code absent de la liste permise", "Choisissez un code de la liste (docs/LAYOUTS.md)."),
    Problem.SEPARATOR: ("des fins de ligne séparent les enregistrements", "Transférez le fichier en mode binaire, sans séparateur."),
    Problem.ENCODING: ("codage autre que l'ASCII", "Demandez le fichier en ASCII, ou transférez-le en mode binaire."),
    Problem.MISMATCH: ("valeur différente de celle de l'enregistrement d'en-tête", "Vérifiez que les enregistrements vont ensemble."),
    Problem.LOTS: ("cette norme n'a pas de lots de factures", "Donnez un fichier B2 de factures (SV-SIM, CP)."),
    Problem.PROFILE: ("norme non reconnue", "Donnez la norme (--profile) ou vérifiez qu'il s'agit d'un fichier B2 ou NOEMIE."),
}  # fmt: skip


class B2Error(RefusedError):
    """`record_number` counts records from 1; `position` is the first character of the field, 1-based, 0 if no field is meant.

    `value` is what stood there, at most 40 characters, for a program that looks at the error; None for a field that holds personal data
    or when no single value is at fault. It is never part of the text: in bytes out of place a NIR may stand in any field.
    """

    code = "b2"

    def __init__(
        self,
        problem: Problem,
        record_number: int,
        record_type: str = "",
        field: str = "",
        position: int = 0,
        detail: str = "",
        value: str | None = None,
    ) -> None:
        text, remedy = _TEXTS[problem]
        place = f"enregistrement {record_number}" if record_number else "fichier"
        if record_type:
            place += f" (type {record_type})"
        if field:
            place += f", champ {field}"
        if position:
            place += f", position {position}"
        super().__init__(f"{place} : {text}{f' ({detail})' if detail else ''}", remedy)
        self.problem = problem
        self.record_number = record_number
        self.record_type = record_type
        self.field = field
        self.position = position
        self.detail = detail
        self.value = value

    @property
    def key(self) -> tuple[str, int, str, str, int]:
        """What two twins must agree on."""
        return (self.problem.value, self.record_number, self.record_type, self.field, self.position)
