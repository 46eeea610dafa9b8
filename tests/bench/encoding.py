"""Records to bytes: the twins against *tuned* plain Python (baselines.py), on lines of the practitioner's profile."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.bench import baselines
from tests.bench.registry import Unavailable, bench
from tests.bench.timing import ratio

_PROFILE, _COUNT = "sv-sim-1", 5_000


@cache
def _lines() -> list[Any]:
    from tournee.b2.records.sv_sim_1 import LigneHonoraires

    return [
        LigneHonoraires(
            numero_emetteur="990000011",
            nir_assure="1990199000001",
            cle_nir=f"{n % 97:02}",
            numero_facture=n,
            numero_ligne=n % 9 + 1,
            specialite="01",
            date_soins="250115",
            code_acte="VG",
            prix_unitaire=3000 + n % 100,
            base_remboursement=3000 + n % 100,
            taux=70,
            montant_amo=2100,
            montant_honoraires=4000,
        )
        for n in range(_COUNT)
    ]


@cache
def _tuned() -> Any:
    from tournee.b2.plan import plan

    return baselines.tuned_encoder(plan(_PROFILE).by_class[type(_lines()[0])].record)


@cache
def _codec(name: str) -> Any:
    from tournee.b2.plan import plan
    from tournee.b2.pytwin import PyCodec
    from tournee.b2.twin import make_codec

    codec = PyCodec(plan(_PROFILE)) if name == "python" else make_codec(plan(_PROFILE))
    if name != "python" and codec.name == "python":
        raise Unavailable("no C twin: apt install gcc python3-dev, then make setup")
    if codec.encode(_lines()) != _tuned()(_lines()):
        raise AssertionError("the twin and the baseline do not write the same bytes")
    return codec


@bench("encoding", "named records, C over tuned", "×", better="higher")
def c_over_tuned() -> float:
    codec, tuned, lines = _codec("c"), _tuned(), _lines()
    return ratio(lambda: tuned(lines), lambda: codec.encode(lines))


@bench("encoding", "named records, C over shipped Python", "×", better="higher")
def c_over_python() -> float:
    codec, shipped, lines = _codec("c"), _codec("python"), _lines()
    return ratio(lambda: shipped.encode(lines), lambda: codec.encode(lines))


@bench("encoding", "named records, shipped Python time over tuned", "×", better="lower", reach=2.0)
def python_over_tuned() -> float:
    shipped, tuned, lines = _codec("python"), _tuned(), _lines()
    return ratio(lambda: shipped.encode(lines), lambda: tuned(lines))
