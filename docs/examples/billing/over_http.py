"""The same engine over HTTP: `tournee serve` in a process of its own, a bill as JSON, its price.

Prints:
    valid 4000 2800
    tarifs:medecin.VG@2024-12-22 3000 H
"""

import json
import subprocess
import sys
import urllib.request
from datetime import date

from tournee.billing import Bill, Rights, SituationFacturation, bill_to_json, rights_to_json

situation = SituationFacturation(specialite="01", code_conventionnel="1", zone_tarifaire="20", zone_ik="01")
rights = Rights.from_groupes(
    [(101, ["0"] * 7 + ["2800299999990", "01", "01", "991", "0001", "10"]), (104, ["DUPONT", "", "ANNE"])]
)
request = {
    "bill": bill_to_json(Bill("visite-1", date(2025, 1, 15), situation)),
    "rights": rights_to_json(rights),
    "answers": {"accident_tiers": "non", "nature_assurance": "maladie", "lieu": "domicile", "actes": "VG"}
    | {"deplacement": "MD", "parcours": "T", "tiers_payant": "amo"},
    "today": "2025-01-15",
}

command = [sys.executable, "-u", "-m", "tournee.cli", "serve", "--port", "0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
    assert server.stdout is not None
    address = server.stdout.readline().split("/v1/")[0]
    try:
        body = json.dumps(request).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/price", body, headers)) as answer:
            price = json.load(answer)
        print(price["status"], price["totals"]["montant_cents"], price["totals"]["amo_cents"])
        row = next(step for step in price["trace"] if step["line"] == 0)["rows"][0]
        with urllib.request.urlopen(f"{address}/v1/tables/{row}") as answer:
            found = json.load(answer)
        print(found["id"], found["cents"], found["confidence"])
    finally:
        server.terminate()
