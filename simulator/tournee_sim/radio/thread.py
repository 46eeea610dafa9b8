"""A simulated air with plain calls: for tests and scripts that are not asyncio."""

from __future__ import annotations

from typing import Any

from tournee_sim.loopthread import LoopThread
from tournee_sim.radio.air import AirConfig
from tournee_sim.radio.faults import apply
from tournee_sim.radio.hub import AirHub


class ThreadedRadio:
    """`AirHub` behind blocking methods. Terminals and hosts join it by `hci` (`ble:NAME?hci=…`); `stop` ends it."""

    def __init__(self, config: AirConfig | None = None) -> None:
        self._thread = LoopThread("radio")
        try:
            self._hub, self.hci = self._thread.run(_listening(config))
        except BaseException:
            self._thread.end()
            raise

    def fault(self, *words: str) -> dict[str, Any]:
        """See `tournee_sim.radio.faults`: `fault("drop")`, `fault("jam", "on")`, `fault("loss", "0.2")`; gives what the air is like."""
        return self._thread.call(lambda: apply(self._hub, words))

    def stop(self) -> None:
        if self._thread.alive:
            try:
                self._thread.run(self._hub.close())
            finally:
                self._thread.end()


async def _listening(config: AirConfig | None) -> tuple[AirHub, str]:
    hub = AirHub(config)
    (hci,) = await hub.listen("tcp:127.0.0.1:0")
    return hub, hci
