"""Pins of the NUCLEO-WB55 (Arduino names of the card-edge beside them). USART1 is the cards', so the ST-LINK's port has no REPL."""

USART_HZ = 64_000_000  # PCLK2, as MicroPython leaves it
CARD_KHZ = 3556  # 64 MHz / 18: 372 x 18 and its quarters are whole dividers

IO, IO_ALT = "A9", 7  # USART1_TX, D9
CLK, CLK_ALT = "A8", 1  # TIM1_CH1, D6
RST = "A10"  # D3

SLOTS = (
    {"select": "C6", "cmdvcc": "C10", "off": "A15", "en_5v": "C12", "en_1v8": "C13"},  # D2 D4 D5 D8 D7
    {"select": "A4", "cmdvcc": "A5", "off": "A6", "en_5v": "A7", "en_1v8": "A2"},  # D10 D13 D12 D11 D1
)
I2C = 1  # SCL B8 (D15), SDA B9 (D14)
KEYPAD_ROWS = ("C0", "C1", "A1", "A0")  # A0 A1 A2 A3
KEYPAD_COLUMNS = ("C3", "C2", "A3")  # A4 A5 D0


def repl_off() -> None:
    """MicroPython's own REPL port on this board is USART1 (PB6, PB7)."""
    import pyb

    pyb.repl_uart(None)
