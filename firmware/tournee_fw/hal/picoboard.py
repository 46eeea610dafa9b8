"""What the Raspberry Pi Pico W and Pico 2 W share: the terminal put together from their `pins`."""

import gc

from machine import ADC, I2C, Pin

from .keys import Keypad
from .lcd import Lcd
from .pinboard import lithium_percent
from .rp2 import Rp2Board
from .usb import open_link


def board(board_name, pins, name):
    """The board with USB and, where the image has `bluetooth`, radio under `name`."""
    transports: list = [open_link()]
    try:
        import bluetooth

        from tournee_fw.link_ble import BleTransport

        transports.append(BleTransport(bluetooth.BLE(), name))
    except ImportError:  # an image without radio
        pass
    i2c = pins.I2C
    display = Lcd(I2C(i2c["id"], sda=Pin(i2c["sda"]), scl=Pin(i2c["scl"]), freq=400_000))
    keypad = Keypad(pins.KEYPAD_ROWS, pins.KEYPAD_COLUMNS)
    adc = ADC(Pin(pins.BATTERY_ADC))

    def battery():
        return lithium_percent(adc.read_u16() * 3300 * pins.BATTERY_DIVIDER // 65535)

    return Rp2Board(board_name, pins, transports, display, keypad, battery)


def run(board_name, pins, name, manifest, healthy=None):
    """The terminal, until its line goes to the REPL."""
    from tournee_fw.app import Terminal

    terminal = Terminal(board(board_name, pins, name), name, manifest)
    gc.collect()
    terminal.run(healthy)
