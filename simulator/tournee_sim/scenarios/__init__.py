"""Scenarios: card sessions as YAML, run by the thousand against the real firmware (`tournee sim run`, docs/RELIABILITY.md)."""
