"""Boards with an STM32WB: one USART in smartcard mode for both slots, the REPL's USB for the link, Bluetooth by the second core."""

import gc

from machine import I2C, Pin

from .keys import Keypad
from .lcd import Lcd
from .pinboard import PinBoard
from .tda8035 import Tda8035
from .usart7816 import Usart
from .usartport import Shared, UsartPort
from .wired import wired_and_radio


class Stm32Board(PinBoard):
    """Built from a board's `pins`. USART1 must not be the REPL's any more (`pins.repl_off`)."""

    def __init__(self, name, pins, transports, display=None, keypad=None, battery=None):
        super().__init__(name, transports, display, keypad, battery)
        usart = Usart(pins.USART_HZ)
        usart.start()
        self.clock_khz = usart.clock(pins.CARD_KHZ)
        usart.clock(0)
        Pin(pins.IO, Pin.ALT_OPEN_DRAIN, Pin.PULL_UP, alt=pins.IO_ALT)
        Pin(pins.CLK, Pin.ALT, alt=pins.CLK_ALT)
        shared = Shared(usart)
        rst = Pin(pins.RST, Pin.OUT, value=0)
        ports = []
        offs = []
        for slot in pins.SLOTS:
            power = Tda8035(slot["cmdvcc"], slot["off"], slot["en_5v"], slot["en_1v8"])
            ports.append(UsartPort(shared, slot["select"], rst, power))
            offs.append(power.off)
        self._start(ports, offs)


def board(board_name, pins, name, transports=None):
    """The board with `transports`, else with USB and radio under `name`."""
    pins.repl_off()
    if transports is None:
        transports = wired_and_radio(name)
    display = Lcd(I2C(pins.I2C))
    keypad = Keypad(pins.KEYPAD_ROWS, pins.KEYPAD_COLUMNS)
    return Stm32Board(board_name, pins, transports, display, keypad)


def run(board_name, pins, name, manifest, healthy=None):
    """The terminal, until its line goes to the REPL."""
    from tournee_fw.app import Terminal

    terminal = Terminal(board(board_name, pins, name), name, manifest)
    gc.collect()
    terminal.run(healthy)
