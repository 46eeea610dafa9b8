"""A bill with two faults: each has a code, the path of its field and a remedy; `require_valid` refuses to let it be signed.

Prints:
    ACTE_INTERDIT acts[1].code → choisissez un acte de la liste de votre profession
    DATE_IMPOSSIBLE answers.accident_date → corrigez la date de l'accident ou celle des soins
    refused: bill_not_valid
"""

from datetime import date

from tournee.billing import Bill, BillNotValid, Rights, SituationFacturation, answer_all, evaluate, require_valid

day = date(2025, 1, 15)
situation = SituationFacturation(specialite="01", code_conventionnel="1", zone_tarifaire="20", zone_ik="01")
rights = Rights.from_groupes(
    [(101, ["0"] * 7 + ["2800299999990", "01", "01", "991", "0001", "10"]), (104, ["DUPONT", "", "ANNE"])]
)
answers = {"lieu": "domicile", "actes": "VG + BSA", "accident_tiers": True, "accident_date": "2025-01-20"}
bill = answer_all(Bill("visite-2", day, situation), answers, rights)
for fault in sorted(evaluate(bill, rights, today=day).errors, key=lambda f: f.path):
    print(fault.code, fault.path, "→", fault.remedy)
try:
    require_valid(bill, rights, today=day)
except BillNotValid as refused:
    print("refused:", refused.code)
