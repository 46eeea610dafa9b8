"""The contacts of a slot as a board drives them, judged by the order of ISO 7816-3 §6.2 (activation) and §6.4 (deactivation)."""

from __future__ import annotations


class Contacts:
    """Levels of VCC, RST, CLK and I/O; `misuse` names each step out of order since the start."""

    def __init__(self) -> None:
        self.volt_class = 0
        self.level = 0
        self.khz = 0
        self.released = False
        self.misuse: list[str] = []

    def vcc(self, volt_class: int) -> None:
        self._judge(not self.level, "VCC switched with RST high")
        self._judge(not self.khz, "VCC switched with the clock running")
        self._judge(not self.released, "VCC switched with I/O let go")
        self._judge(not (self.volt_class and volt_class), "from one class to another without VCC off")
        self.volt_class = volt_class

    def io(self, level: int) -> None:
        self._judge(bool(self.volt_class) or not level, "I/O let go without VCC")
        self._judge(not self.khz and not self.level, "I/O driven with the clock running or RST high")
        self.released = bool(level)

    def clk(self, khz: int) -> None:
        self._judge(not khz or self.released, "clocked before I/O is let go")
        self.khz = khz

    def rst(self, level: int) -> None:
        self._judge(not level or bool(self.khz), "RST high without a clock")
        self.level = level

    def supply_lost(self) -> None:
        """The board itself went dark: nobody is to blame."""
        self.volt_class = self.level = self.khz = 0
        self.released = False

    def _judge(self, right: bool, fault: str) -> None:
        if not right:
            self.misuse.append(fault)
