"""destinations.json: read with care, looked up by caisse and by file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tournee.b2.destinations import DestinationUnknown, destination
from tournee.transmit import directory
from tournee.transmit.errors import DirectoryMalformed

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def row(**changes: Any) -> dict[str, Any]:
    return {
        "regime": "01", "caisse": "991", "centre": "*", "organisme_destinataire": "991", "centre_informatique": "000",
        "name": "Caisse 991", "mailbox": "caisse@fonds.invalid", "certificate_pem": PEM, "simulation": True, **changes,
    }  # fmt: skip


def document(*rows: Any, version: Any = 1) -> str:
    return json.dumps({"version": version, "destinations": list(rows)})


def test_the_exact_centre_wins_over_every_centre() -> None:
    found = directory.loads(document(row(), row(centre="0501", mailbox="autre@fonds.invalid")))
    assert found.lookup("01", "991", "0501").mailbox == "autre@fonds.invalid"
    assert found.lookup("01", "991", "0000").mailbox == "caisse@fonds.invalid"


def test_rows_serve_the_rules_of_b2_and_their_file_finds_the_mailbox() -> None:
    found = directory.loads(document(row(organisme_destinataire="777", centre_informatique="012")))
    made = destination("01", "991", "0000", found.destinations)
    assert made.fichier == ("01", "012", "777")
    assert found.receiver(made.fichier).mailbox == "caisse@fonds.invalid"


def test_unknown_caisse_names_it_and_the_remedy() -> None:
    found = directory.loads(document(row()))
    with pytest.raises(DestinationUnknown, match="02, caisse 992") as caught:
        found.lookup("02", "992", "0000")
    assert "destinations.json" in caught.value.remedy and caught.value.exit_code == 3
    with pytest.raises(DestinationUnknown):
        found.receiver(("02", "000", "992"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "version"),
        (document(row(), version=2), "version"),
        (json.dumps({"version": 1, "destinations": {}}), "destinations"),
        (document(row(), 5), "ligne 2"),
        (document(row(regime="1")), "regime"),
        (document(row(centre="**")), "centre"),
        (document(row(mailbox="a@b\r\nBcc: c@d")), "mailbox"),
        (document(row(certificate_pem="x")), "certificate_pem"),
        (document(row(simulation="yes")), "simulation"),
    ],
)
def test_faults_name_their_place(text: str, place: str) -> None:
    with pytest.raises(DirectoryMalformed, match=place) as caught:
        directory.loads(text)
    assert caught.value.remedy


def test_a_practice_without_a_directory_is_told_how_to_give_one() -> None:
    with pytest.raises(DirectoryMalformed) as caught:
        directory.loads("")
    assert "annuaire" in caught.value.what and "--destinations" in caught.value.remedy
