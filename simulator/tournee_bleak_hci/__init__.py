"""The HCI driver for bleak: `backend` is its entry point."""
