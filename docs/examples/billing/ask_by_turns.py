"""The engine asks, somebody answers, until nothing is left to ask: what a screen of one's own does.

Prints:
    nature_assurance: maladie
    accident_tiers: non
    lieu: domicile
    actes: AMI#pansement-lourd
    prescripteur: 991129768
    prescription_date: 02/01/2025
    tiers_payant: amo
    valid: AMI 12,60 € + MCI 5,00 € + IFD 2,75 €
"""

from datetime import date

from tournee.billing import Bill, Rights, SituationFacturation, answer, evaluate, settle
from tournee.billing.money import euros

day = date(2025, 1, 15)
situation = SituationFacturation(specialite="24", code_conventionnel="1", zone_tarifaire="20", zone_ik="01")
rights = Rights.from_groupes(
    [(101, ["0"] * 7 + ["2800299999990", "01", "01", "991", "0001", "10"]), (104, ["DUPONT", "", "ANNE"])]
)
somebody = {
    "accident_tiers": "non",
    "actes": "AMI#pansement-lourd",
    "prescripteur": "991129768",
    "prescription_date": "02/01/2025",
    "tiers_payant": "amo",
}

bill = settle(Bill("soin-1", day, situation), rights)
while question := (result := evaluate(bill, rights, today=day)).next_question:
    given = somebody.get(question.id, question.default)
    print(f"{question.id}: {given}")
    bill = answer(bill, question.id, given, rights)
print(f"{result.status}: " + " + ".join(f"{x.code} {euros(x.montant_cents)}" for x in result.lines))
