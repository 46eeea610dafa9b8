"""`python -m tournee_sim …` is `tournee sim …`."""

from __future__ import annotations

import sys

from tournee_sim.cli import main

if __name__ == "__main__":
    sys.exit(main())
