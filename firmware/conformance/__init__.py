"""The HAL conformance suite: `checks.py` runs on the board, `firmware/conform.py` brings it there."""
