"""What a stock board is reached by: USB, on a serial port of its own where MicroPython can make one, and radio."""

from .usb import ReplLink


def open_link():
    """The best link this image can give."""
    try:
        from .cdc import CdcLink
    except ImportError:  # a port without machine.USBDevice, or a board whose files leave it out
        return ReplLink()
    return CdcLink()


def wired_and_radio(name: str) -> list:
    """Transports of a stock board: USB, and radio under `name` where the image has `bluetooth`."""
    transports: list = [open_link()]
    try:
        import bluetooth

        from tournee_fw.link_ble import BleTransport

        transports.append(BleTransport(bluetooth.BLE(), name))
    except ImportError:  # an image without radio
        pass
    return transports
