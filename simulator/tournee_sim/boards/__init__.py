"""Boards: how the real firmware is run on this computer, and what surrounds it (cards, I/O bus, link, radio)."""
