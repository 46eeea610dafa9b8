"""Prepares `.venv` for `make demo` and `make test`: editable install with the C twin, system packages only if missing.

Runs on the system's python3 with the standard library alone. The second run compares one hash and ends at once, also
without network. Nothing is installed on the system without saying so first.
"""

# The first lines must be understood by an old Python, so that it can say that it is too old.
import sys

OLDEST = (3, 11)
NAMES = [f"python3.{minor}" for minor in range(14, OLDEST[1] - 1, -1)]


def _with_a_new_enough_python():
    import os
    import shutil

    for name in NAMES:
        path = shutil.which(name)
        if path and os.path.realpath(path) != os.path.realpath(sys.executable):
            os.execv(path, [path, *sys.argv])
    sys.exit(
        f"setup: Python {sys.version_info[0]}.{sys.version_info[1]} is too old: Tournée needs {OLDEST[0]}.{OLDEST[1]} or later.\n"
        "  -> sudo apt install python3.11 python3.11-venv   (or: make PYTHON=/path/to/python3.11 ...)"
    )


if sys.version_info < OLDEST:
    _with_a_new_enough_python()

from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
from steps import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
