"""A doctor's home visit: the rights of a card, the answers, the price, and why it is that.

Prints:
    valid: 40,00 € = 28,00 € AMO + 12,00 € patient
    VG 30,00 €
      VG vaut 30,00 € depuis le 22/12/2024
      70 % (taux ordinaire) : 30,00 € × 70 % = 21,00 €
    MD 10,00 €
      Déplacement justifié médicalement (NGAP 14.2).
      70 % (taux ordinaire) : 10,00 € × 70 % = 7,00 €
"""

from datetime import date

from tournee.billing import Bill, Rights, SituationFacturation, answer_all, evaluate, why
from tournee.billing.money import euros

day = date(2025, 1, 15)
situation = SituationFacturation(specialite="01", code_conventionnel="1", zone_tarifaire="20", zone_ik="01")
rights = Rights.from_groupes(
    [(101, ["0"] * 7 + ["2800299999990", "01", "01", "991", "0001", "10"]), (104, ["DUPONT", "", "ANNE"])]
)
answers = {
    "accident_tiers": False,
    "nature_assurance": "maladie",
    "lieu": "domicile",
    "actes": "VG",
    "deplacement": "MD",
    "parcours": "T",
    "tiers_payant": "amo",
}
bill = answer_all(Bill("visite-1", day, situation), answers, rights)
result = evaluate(bill, rights, today=day)

t = result.totals
print(f"{result.status}: {euros(t.montant_cents)} = {euros(t.amo_cents)} AMO + {euros(t.patient_cents)} patient")
for number, line in enumerate(result.lines):
    print(line.code, euros(line.montant_cents))
    for step in why(result, number):
        if step.line is not None:
            print("  " + step.text.partition(" (source")[0].partition(" MD vaut")[0])
