"""One séance: the acts of one patient at one date and hour, with the displacement it opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from tournee.billing.dates import fr
from tournee.billing.manques import missing
from tournee.billing.model import Act
from tournee.billing.money import euros, times
from tournee.billing.tables import Tarif
from tournee.billing.work import Draft, Work

ORDER = {"acte": 0, "majoration": 1, "deplacement": 2, "ik": 3}


@dataclass(slots=True)
class Seance:
    day: date
    heure: str
    lieu: str
    acts: list[tuple[int, Act]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)  # of the drafts

    @property
    def principal(self) -> Draft | None:
        for draft in self.drafts:
            if draft.genre == "acte":
                return draft
        return None

    def put(self, draft: Draft) -> None:
        self.drafts.append(draft)
        self.codes.add(draft.code)

    def drop(self, draft: Draft) -> None:
        self.drafts.remove(draft)
        self.codes = {d.code for d in self.drafts}

    def has(self, *codes: str) -> bool:
        return not self.codes.isdisjoint(codes)

    def has_genre(self, genre: str) -> bool:
        return any(draft.genre == genre for draft in self.drafts)

    def rang(self, w: Work) -> int:
        """Rank of the patient among those seen at one home on one trip; 1 at the practice."""
        if self.lieu != "domicile":
            return 1
        value = w.bill.answers.get("rang_domicile")
        w.seen.add("rang_domicile")
        return value.value if value is not None and isinstance(value.value, int) and value.value >= 1 else 1

    def add(
        self, w: Work, code: str, regle: str, because: str, *, quantite: int = 1, coefficient: int = 100
    ) -> Draft | None:
        """Adds a line that the rules call for; None, with a fault, when no public price is known for this zone and day."""
        principal = self.principal
        if principal is None:
            return None
        tarif = w.tarif(code, self.day)
        if tarif is None:
            missing(w, f"acts[{principal.act}].code", "tarif-zone", code=code, jour=fr(self.day), zone=w.zone)
            return None
        draft = Draft(
            code=code,
            libelle=tarif.libelle,
            date=self.day,
            genre=tarif.genre,
            act=principal.act,
            pu_cents=tarif.cents,
            base_cents=times(tarif.cents * quantite, coefficient),
            rows=(tarif.row.id,),
            explain=f"{because} {_worth(tarif)}",
            quantite=quantite,
            coefficient=coefficient,
            regle=regle,
        )
        self.put(draft)
        return draft


@lru_cache(maxsize=4096)
def _worth(tarif: Tarif) -> str:
    row = tarif.row
    return f"{tarif.code} vaut {euros(tarif.cents)} depuis le {fr(row.valid_from)} (source : {row.source})"


def kilometres(w: Work, seance: Seance) -> None:
    """The IK line of a home séance: another agglomeration and beyond the threshold, after the abatement [NGAP 13 C]."""
    if seance.has_genre("ik"):
        return
    act_km = next((act.km for _, act in seance.acts if act.km is not None), None)
    if act_km is None:
        asked = w.ask("km")
        km = asked if isinstance(asked, int) else 0
    else:
        km = act_km
        w.seen.add("km")
    if not km:
        return
    default = w.tables.terrains.get(w.bill.situation.zone_ik, "plaine")
    terrain = str(w.ask("terrain", default=default))
    suffix = "montagne" if terrain == "montagne" else "plaine"
    threshold = w.parametre(f"seuil_{suffix}", seance.day) or 0
    if km <= threshold:
        w.trace("IK_SEUIL", f"{km} km aller-retour : pas d'indemnité kilométrique jusqu'à {threshold} km (NGAP 13 C).")
        return
    if w.profession == "sage_femme":
        abatement = 0
        why = "pas d'abattement pour la sage-femme (NGAP 13 C 1°)"
    elif terrain == "pied_ski":
        abatement = 0
        why = "à pied ou à ski, sans abattement"
    else:
        abatement = w.parametre(f"abattement_{suffix}", seance.day) or 0
        why = f"{km} − {abatement} km d'abattement ({suffix})"
    code = {"plaine": "IK", "montagne": "IKM", "pied_ski": "IKS"}[terrain]
    because = f"{km} km aller-retour, {why} : {km - abatement} km."
    if w.profession == "infirmier":
        _degressive(w, seance, code, km - abatement, because)
    else:
        _lines(w, seance, code, "IK", because, km - abatement)


def _degressive(w: Work, seance: Seance, code: str, km: int, because: str) -> None:
    """Nurses: over the kilometres of the civil day, full up to 299, half from 300 to 399, nothing beyond [NGAP 13 C 2°]."""
    suffix = "" if seance.day == w.bill.created else f".{seance.day.isoformat()}"
    asked = w.ask("km_jour", suffix=suffix, text=f"Kilomètres déjà facturés le {fr(seance.day)}, après abattement")
    before = w.km_jour.get(seance.day, asked if isinstance(asked, int) else 0)
    w.km_jour[seance.day] = before + km
    full_to, half_to = w.parametre("ik_plein", seance.day) or 0, w.parametre("ik_moitie", seance.day) or 0
    end = before + km
    full = max(0, min(end, full_to) - before)
    half = max(0, min(end, half_to) - max(before, full_to))
    _lines(w, seance, code, "IK", because, full)
    text = f"{because} De {full_to + 1} à {half_to} km dans la journée : moitié."
    _lines(w, seance, code, "IK_DEGRESSION", text, half, coefficient=50)
    if lost := km - full - half:
        w.inform(
            "IK_DEGRESSION", f"{lost} km au-delà de {half_to} km dans la journée ne sont pas payés (NGAP 13 C 2°)."
        )


def _lines(w: Work, seance: Seance, code: str, regle: str, because: str, km: int, *, coefficient: int = 100) -> None:
    """As many lines as the record's quantity (two digits) asks for."""
    most = w.parametre("quantite_max_ligne", seance.day) or km
    while km > 0:
        part = min(km, most)
        seance.add(w, code, regle, because, quantite=part, coefficient=coefficient)
        km -= part
