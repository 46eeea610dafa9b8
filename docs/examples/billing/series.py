"""One bill, several dates: each session is priced by the tables of its own day.

Prints:
    28/12/2025 RAM 7,49 → 16,55 €
    29/12/2025 RAM 7,49 → 16,55 €
    05/01/2026 RAM 8,09 → 17,88 €
"""

from datetime import date

from tournee.billing import Bill, Rights, SituationFacturation, answer_all, evaluate
from tournee.billing.money import coefficient, euros

today = date(2026, 1, 5)
situation = SituationFacturation(specialite="26", code_conventionnel="1", zone_tarifaire="20", zone_ik="01")
rights = Rights.from_groupes(
    [(101, ["0"] * 7 + ["2800299999990", "01", "01", "991", "0001", "10"]), (104, ["DUPONT", "", "ANNE"])]
)
days = (date(2025, 12, 28), date(2025, 12, 29), today)
answers = {
    "accident_tiers": False,
    "nature_assurance": "maladie",
    "lieu": "cabinet",
    "actes": [{"code": "RAM", "reference": "lombalgie-commune", "date": day} for day in days],
    "majoration_imperative": False,
    "prescripteur": "991129768",
    "prescription_date": "2025-12-20",
    "tiers_payant": "amo",
}
bill = answer_all(Bill("serie-1", today, situation), answers, rights)
for line in evaluate(bill, rights, today=today).lines:
    print(f"{line.date:%d/%m/%Y} {line.code} {coefficient(line.coefficient_centiemes)} → {euros(line.montant_cents)}")
