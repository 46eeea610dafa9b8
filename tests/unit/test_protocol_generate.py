"""Generated files are what the definitions give, and every record of the definitions has a vector and words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tournee_protocol import generate, iobus, link, scripts
from tournee_protocol.gen import vectors, walk

VECTORS = json.loads((Path(link.__file__).parent / "vectors.json").read_text(encoding="utf-8"))
ROOT = Path(__file__).resolve().parents[2]
# Built by construct from records that have vectors of their own.
COVERED_BY_STREAMS = {"link.Frame"}


@pytest.mark.parametrize("path", generate.outputs(), ids=lambda p: p.name)
def test_generated_file_is_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.outputs()[path], "run python -m tournee_protocol.generate"


def test_check_names_a_stale_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = generate.outputs()
    path = next(p for p in fresh if p.name == "SPEC.md")
    monkeypatch.setattr(generate, "outputs", lambda: fresh | {path: fresh[path] + "more\n"})
    assert generate.main(["--check"]) == 3
    assert "SPEC.md" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == fresh[path]


def test_every_record_has_a_vector() -> None:
    have = {v["record"] for v in VECTORS["records"]} | COVERED_BY_STREAMS
    want = {f"{m.__name__.rpartition('.')[2]}.{name}" for m in (link, iobus, scripts) for name in walk.records(m)}
    assert want == have


@pytest.mark.parametrize("vector", VECTORS["records"], ids=lambda v: f"{v['record']}-{v['hex'][:12]}")
def test_record_vector_by_construct(vector: dict[str, object]) -> None:
    struct = vectors.struct_of(str(vector["record"]))
    parsed = vectors.to_json(struct.parse(bytes.fromhex(str(vector["hex"]))))
    expected = vector["object"]
    assert isinstance(expected, dict)
    assert {k: v for k, v in parsed.items() if k in expected} == expected


def test_codes_are_never_doubled() -> None:
    for module in (link, iobus, scripts):
        for enum in walk.enums(module).values():
            codes = [value for _, value, _ in enum.members]
            assert len(set(codes)) == len(codes), enum.name


def test_a_construct_without_device_code_is_refused_by_name() -> None:
    import types

    import construct

    module = types.ModuleType("odd")
    source = ROOT / "protocol" / "tournee_protocol" / "iobus.py"
    module.__file__ = str(source)
    module.Packet = construct.Struct("data" / construct.VarInt)  # type: ignore[attr-defined]
    with pytest.raises(walk.Unsupported, match=r"Packet\.data: VarInt"):
        walk.records(module)
