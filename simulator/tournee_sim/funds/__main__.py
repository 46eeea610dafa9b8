"""`python -m tournee_sim.funds`."""

from tournee_sim.funds.cli import command

command()
