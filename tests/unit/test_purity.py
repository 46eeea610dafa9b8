"""The pure rooms also run in a browser: nothing of the machine, no clock, no randomness. Every module found by walking, new ones too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_HOST = Path(__file__).resolve().parents[2] / "host"
_MACHINE_ROOMS = {"store", "cli", "web", "flash"}
_MACHINE_MODULES = {"tournee.b2.ctwin"}  # around the C extension; `tournee.b2.twin` must do without
_THIRD_PARTY = {"construct", "stdnum", "tournee", "tournee_protocol"}
_REFUSED = [
    "ssl",
    "socket",
    "sqlite3",
    "ctypes",
    "cryptography",
    "pydantic",
    "sqlalchemy",
    "subprocess",
    "random",
    "secrets",
]
_REFUSED_CALLS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "sleep"),
    ("time", "localtime"),
    ("os", "urandom"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
}

# Runs in a process of its own: refuses what the pure rooms may not import, unless the standard library itself asks for it
# (asyncio and email import socket; Pyodide has an empty one).
_PROBE = """
import importlib, sys
REFUSED, MODULES, ALLOWED = {refused!r}, {modules!r}, {allowed!r}

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in REFUSED and name != "tournee.b2._ctwin":
            return None
        frame = sys._getframe(1)
        while "importlib" in frame.f_globals.get("__name__", ""):
            frame = frame.f_back
        if frame.f_globals.get("__name__", "").split(".")[0] in sys.stdlib_module_names - {{"__main__"}}:
            return None
        raise ImportError(f"{{name}} is refused to the pure rooms (asked for by {{frame.f_globals.get('__name__')}})")

sys.meta_path.insert(0, Wall())
for module in MODULES:
    importlib.import_module(module)
    assert "tournee.b2._ctwin" not in sys.modules
foreign = {{m.split(".")[0] for m, v in sys.modules.items() if getattr(v, "__spec__", None)}}
foreign -= ALLOWED | sys.stdlib_module_names | AT_START
print("foreign:", *sorted(foreign))
"""


def pure_modules(host: Path = _HOST) -> dict[str, Path]:
    """Dotted name → file of every module that must be pure."""
    found = {}
    for path in sorted((host / "tournee").rglob("*.py")):
        parts = path.relative_to(host).with_suffix("").parts
        if parts[1] in _MACHINE_ROOMS or "adapters" in parts or "__main__" in parts:
            continue
        found[".".join(parts).removesuffix(".__init__")] = path
    return {name: path for name, path in found.items() if name not in _MACHINE_MODULES}


def violations(source: str) -> Iterator[str]:
    """`line: what` of each use of the machine in a module's source, also inside functions."""
    tree = ast.parse(source)
    own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                roots = [name.name.split(".")[0] for name in names]
            case ast.ImportFrom(module=str(module), level=0):
                roots = [module.split(".")[0]]
            case ast.Call(func=ast.Name(id="open")) if "open" not in own:
                yield f"{node.lineno}: open()"
                continue
            case ast.Attribute(attr=attr, value=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                name,
                attr,
            ) in _REFUSED_CALLS:
                yield f"{node.lineno}: {name}.{attr}"
                continue
            case _:
                continue
        yield from (f"{node.lineno}: import {root}" for root in roots if root in _REFUSED)
        yield from (
            f"{node.lineno}: import {root} (only the standard library, construct, stdnum)"
            for root in roots
            if root not in sys.stdlib_module_names and root not in _THIRD_PARTY
        )


def test_the_walk_finds_the_rooms() -> None:
    rooms = {name.split(".")[1] for name in pure_modules() if "." in name}
    assert {"link", "terminal", "cards", "billing", "b2", "signing", "transmit", "practice"} <= rooms


def test_pure_rooms_import_without_the_machine() -> None:
    probe = _PROBE.format(
        refused=set(_REFUSED) - {"random", "secrets"}, modules=list(pure_modules()), allowed=_THIRD_PARTY
    )
    program = "import sys; AT_START = {m.split('.')[0] for m in sys.modules}\n" + probe
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["foreign:"]


@pytest.mark.parametrize("name", list(pure_modules()))
def test_no_clock_no_chance_no_files(name: str) -> None:
    path = pure_modules()[name]
    found = list(violations(path.read_text(encoding="utf-8")))
    assert not found, (
        "\n".join(f"{path}:{problem}" for problem in found) + "\n→ receive it as a port, or move it to adapters/"
    )


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("from datetime import datetime\nx = datetime.now()", "2: datetime.now"),
        ("import datetime\nx = datetime.date.today()", "2: date.today"),
        ("def f():\n    import socket", "2: import socket"),
        ("from random import choice", "1: import random"),
        ("import os\nos.urandom(8)", "2: os.urandom"),
        ("open('x')", "1: open()"),
        ("import rich", "1: import rich (only the standard library, construct, stdnum)"),
    ],
)
def test_violations_are_seen(source: str, problem: str) -> None:
    assert list(violations(source)) == [problem]


def test_ports_and_own_functions_are_not_violations() -> None:
    source = (
        "def f(clock, random):\n    return clock.now(), clock.today(), random.bytes(8)\nasync def open(): ...\nopen()"
    )
    assert list(violations(source)) == []
