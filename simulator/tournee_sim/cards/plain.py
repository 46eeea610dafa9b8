"""A card that has an ATR, or none, and understands nothing: agent cards, bank cards, dead cards."""

from __future__ import annotations

from tournee_sim.cards.core import Card, Command, Response


class PlainCard(Card):
    """Every command is 6E00 to everything."""

    def execute(self, command: Command) -> Response:
        return Response(0x6E00, cost_ms=self.profile.cost_ms("default"))
