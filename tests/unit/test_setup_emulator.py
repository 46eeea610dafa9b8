"""The emulator's modules are compiled once, and a compiler's refusal is told."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path

import pytest

from tests.setup.emulator import compile_here
from tournee_sim.pytest_plugin import need

SOURCE = """#include <Python.h>
static struct PyModuleDef made = {PyModuleDef_HEAD_INIT, "small", 0, 0, 0};
PyMODINIT_FUNC PyInit_small(void) { return PyModule_Create(&made); }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    need("qemu")  # a compiler
    (tmp_path / "small.c").write_text(SOURCE, "utf-8")
    return tmp_path


def test_a_module_is_compiled_beside_its_source_and_only_once(folder: Path) -> None:
    assert compile_here(folder)
    made = folder / f"small{sysconfig.get_config_var('EXT_SUFFIX')}"
    spec = importlib.util.spec_from_file_location("small", made)
    assert spec and spec.loader
    assert importlib.util.module_from_spec(spec).__name__ == "small"
    before = made.stat().st_mtime_ns
    assert compile_here(folder)
    assert made.stat().st_mtime_ns == before


def test_what_does_not_compile_is_told_and_leaves_nothing(folder: Path) -> None:
    (folder / "small.c").write_text("nothing of C", "utf-8")
    assert not compile_here(folder)
    assert [path.name for path in folder.iterdir()] == ["small.c"]
