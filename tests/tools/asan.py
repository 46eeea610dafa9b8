"""`python -m tests.tools.asan [pytest options]`: the C twin under AddressSanitizer and UBSan, through its tests and fuzzing.

Builds the twin into a scratch folder and puts it in the place of the installed one, in a process of its own. TOURNEE_FUZZ=10 runs ten
times the examples, 0.1 a tenth. Exit code of pytest; 1 when the build fails.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "host/tournee/b2/c").glob("*.c"))
TESTS = [
    "tests/fuzz/test_b2_twins.py",
    "tests/fuzz/test_b2_places.py",
    "tests/unit/test_b2_golden.py",
    "tests/unit/test_b2_objects.py",
    "tests/unit/test_b2_strange_objects.py",
    "tests/unit/test_b2_twins_inputs.py",
    "tests/unit/test_b2_tables.py",
    "tests/unit/test_b2_stream.py",
]
_TWIN = "TOURNEE_ASAN_TWIN"
_NAME = "tournee.b2._ctwin"


def pytest_configure() -> None:
    """As a pytest plugin: the twin of the scratch folder takes its name before anything imports it."""
    loader = importlib.machinery.ExtensionFileLoader(_NAME, os.environ[_TWIN])
    spec = importlib.util.spec_from_loader(_NAME, loader)
    if spec is None:
        raise ImportError(os.environ[_TWIN])
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    import tournee.b2

    sys.modules[_NAME] = module
    tournee.b2._ctwin = module  # type: ignore[attr-defined]


def build(folder: Path) -> Path:
    out = folder / "_ctwin.abi3.so"
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g", "-O1"]
    include = sysconfig.get_paths()["include"]
    command = [
        "gcc",
        "-shared",
        "-fPIC",
        *flags,
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-DPy_LIMITED_API=0x030B0000",
    ]
    subprocess.run([*command, f"-I{include}", *map(str, SOURCES), "-o", str(out)], check=True)
    built = out.read_bytes()
    if not (b"__asan_report_load" in built and b"__ubsan_handle_" in built):
        raise RuntimeError("the compiler left the sanitizers out")
    return out


def main(argv: list[str]) -> int:
    preload = [_library("libasan.so"), _library("libubsan.so")]
    with tempfile.TemporaryDirectory(prefix="asan-") as folder:
        env = os.environ | {
            _TWIN: str(build(Path(folder))),
            "LD_PRELOAD": " ".join(preload),
            # The interpreter itself keeps memory to its end; PYTHONMALLOC shows overruns of its small blocks too.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "PYTHONMALLOC": "malloc",
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.tools.asan", *(argv or TESTS)]
        return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def _library(name: str) -> str:
    found = subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
