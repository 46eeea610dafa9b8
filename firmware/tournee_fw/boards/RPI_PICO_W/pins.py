"""Pins of the Raspberry Pi Pico W (GP numbers). GP23 to GP25 and GP29 are the radio's."""

HZ = 125_000_000  # of the processor; the HAL sets it

SLOTS = (
    {"io": 2, "clk": 3, "rst": 4, "cmdvcc": 5, "off": 6, "en_5v": 7, "en_1v8": 8},
    {"io": 9, "clk": 10, "rst": 11, "cmdvcc": 12, "off": 13, "en_5v": 14, "en_1v8": 15},
)
I2C = {"id": 0, "sda": 16, "scl": 17}
KEYPAD_ROWS = (18, 19, 20, 21)
KEYPAD_COLUMNS = (22, 26, 27)
BATTERY_ADC = 28
BUZZER = 0
BATTERY_DIVIDER = 2  # 100 k over 100 k from the cell
