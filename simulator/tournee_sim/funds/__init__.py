"""Simulated health funds: SMTP in, decrypt, check, answer by mail into a POP3 mailbox. SIMULATION, SV-SIM v1.

`tournee sim fund` or `python -m tournee_sim.funds`; one process serves every fund of `--funds`. It reads files with its own reader over
the layout tables of `tournee_protocol` (a deliberate second implementation: it judges the host's).
"""
