"""Pins of the NUCLEO-WB55, named as on the chip. USART1 is the cards', so the ST-LINK's port has no REPL."""

USART_HZ = 64_000_000  # PCLK2, as MicroPython leaves it
CARD_KHZ = 3556  # 64 MHz / 18: 372 x 18 and its quarters are whole dividers
IO_ALT = 7  # USART1_TX
CLK_ALT = 1  # TIM1_CH1
I2C = 1  # SCL B8, SDA B9
IO = "A9"
CLK = "A8"
RST = "A10"

SLOTS = (
    {"select": "C6", "cmdvcc": "C10", "off": "A15", "en_5v": "C12", "en_1v8": "C13"},
    {"select": "A4", "cmdvcc": "A5", "off": "A6", "en_5v": "A7", "en_1v8": "A2"},
)
KEYPAD_ROWS = ("C0", "C1", "A1", "A0")
KEYPAD_COLUMNS = ("C3", "C2", "A3")


def repl_off() -> None:
    """MicroPython's own REPL port on this board is USART1 (PB6, PB7)."""
    import pyb

    pyb.repl_uart(None)
