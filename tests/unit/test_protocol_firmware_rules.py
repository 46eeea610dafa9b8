"""Rules of the device code that a reader of one file cannot see: imports, texts, forbidden words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware" / "tournee_fw"
FILES = sorted(FIRMWARE.rglob("*.py"))
CORE = [
    p for p in FILES if p.relative_to(FIRMWARE).parts[0] not in ("hal", "boards", "root") and p.name != "link_ble.py"
]
# What every port has, the QEMU Cortex-M3 included: no time, select, asyncio, cryptolib.
CORE_MODULES = {"binascii", "gc", "struct", "micropython", "sys", "tournee_fw"}
MAY_ALSO = {"buildinfo.py": {"hashlib", "os"}}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    return names


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(FIRMWARE)))
def test_core_imports_only_what_every_port_has(path: Path) -> None:
    assert _imports(path) <= CORE_MODULES | MAY_ALSO.get(path.name, set())


@pytest.mark.parametrize("path", sorted((FIRMWARE / "iso7816").glob("*.py")), ids=lambda p: p.name)
def test_iso7816_knows_no_hardware(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for word in ("hal", "slots", "server", "link import"):
        assert f"import {word}" not in text and f"tournee_fw.{word}" not in text


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(FIRMWARE)))
def test_no_assert_on_foreign_input_and_nothing_the_device_lacks(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Assert)]
    assert not _imports(path) & {"__future__", "typing", "dataclasses", "enum", "pathlib", "asyncio", "cryptolib"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600


def test_texts_fit_the_display() -> None:
    tree = ast.parse((FIRMWARE / "texts.py").read_text(encoding="utf-8"))
    texts = [n.value.value for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)]
    shown = [t.replace("%d", "9").replace("%%", "%") for t in texts if isinstance(t, str)]
    assert len(shown) > 20
    assert not [t for t in shown if len(t) > 20]


def test_french_texts_live_in_one_module() -> None:
    """Display calls take their words from `texts` (a format of an SW is the exception)."""
    allowed = {"", "*", "SW %04X"}
    for path in CORE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("show", "flash")
            ):
                words = [c.value for a in node.args for c in ast.walk(a) if isinstance(c, ast.Constant)]
                assert not [w for w in words if isinstance(w, str) and w not in allowed], path
