"""What the Raspberry Pi Pico W and Pico 2 W share: the terminal put together from their `pins`."""

import gc

from machine import ADC, I2C, Pin

from .buzzer import Buzzer
from .keys import Keypad
from .lcd import Lcd
from .pinboard import lithium_percent
from .rp2 import Rp2Board
from .wired import wired_and_radio


def board(board_name, pins, name, transports=None):
    """The board with `transports`, else with USB and, where the image has `bluetooth`, radio under `name`."""
    if transports is None:
        transports = wired_and_radio(name)
    i2c = pins.I2C
    display = Lcd(I2C(i2c["id"], sda=Pin(i2c["sda"]), scl=Pin(i2c["scl"]), freq=400_000))
    keypad = Keypad(pins.KEYPAD_ROWS, pins.KEYPAD_COLUMNS)
    adc = ADC(Pin(pins.BATTERY_ADC))

    def battery():
        return lithium_percent(adc.read_u16() * 3300 * pins.BATTERY_DIVIDER // 65535)

    return Rp2Board(board_name, pins, transports, display, keypad, battery, Buzzer(pins.BUZZER))


def run(board_name, pins, name, manifest, healthy=None):
    """The terminal, until its line goes to the REPL."""
    from tournee_fw.app import Terminal

    terminal = Terminal(board(board_name, pins, name), name, manifest)
    gc.collect()
    terminal.run(healthy)
