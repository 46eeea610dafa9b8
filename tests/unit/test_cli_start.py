"""`tournee --help` is quick because it imports nothing heavy; its speed is judged by `make bench AREA=start`."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = [
    "sqlalchemy",
    "bleak",
    "cryptography",
    "bumble",
    "construct",
    "rich",
    "fpdf",
    "aiosmtpd",
    "keyring",
    "asyncio",
    "yaml",
    "fastapi",
    "pydantic",
]


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom tournee.cli.app import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit as exc:\n    code = exc.code\n"
        f"print('heavy:', *[m for m in {_HEAVY!r} if m in sys.modules])\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "heavy:"


def test_every_command_that_help_names_exists_and_has_help() -> None:
    from click.testing import CliRunner

    from tournee.cli.app import tree

    missing = []
    for name in tree.list_commands(None):  # type: ignore[arg-type]
        result = CliRunner().invoke(tree, [name, "--help"])
        if result.exit_code != 0 or "Usage:" not in result.output:
            missing.append(f"{name}: {result.exception or result.output}")
    assert not missing, "\n".join(missing)
