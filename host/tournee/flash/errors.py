"""What may go wrong with flashing, each with its cause and one remedy. English: hardware teams read it."""

from __future__ import annotations

import errno

from tournee.errors import TourneeError, UsageError

READER = 4


class FlashError(TourneeError):
    exit_code = READER
    code = "flash"


class BoardUnknown(UsageError):
    code = "board-unknown"

    def __init__(self, board: str, known: str) -> None:
        super().__init__(f"There is no board {board}.", f"Give one of: {known}.")


class ToolMissing(UsageError):
    code = "tool-missing"

    def __init__(self, tool: str) -> None:
        super().__init__(f"{tool} is not installed.", "Install the extra: pip install 'tournee[flash]'.")


class SourceBroken(FlashError):
    code = "source-broken"

    def __init__(self, name: str, said: str) -> None:
        super().__init__(f"{name} does not compile: {said}", "Correct that file, or install tournee again.")


class NoPort(FlashError):
    code = "no-port"

    def __init__(self) -> None:
        super().__init__(
            "No board is connected.", "Connect it by USB with a cable that carries data, or name its port with --port."
        )


class SeveralPorts(UsageError):
    code = "several-ports"

    def __init__(self, ports: str) -> None:
        super().__init__(
            f"Several boards are connected: {ports}.", "Name one with --port, or flash all with --all-ports."
        )


class PortVanished(FlashError):
    code = "port-vanished"

    def __init__(self, port: str) -> None:
        super().__init__(
            f"{port} is not there, or no more.",
            "Connect the board again and run the same command: it goes on where it stopped.",
        )


class PortBusy(FlashError):
    code = "port-busy"

    def __init__(self, port: str) -> None:
        super().__init__(
            f"Another program has {port} open.",
            "Close it (a serial monitor, another tournee), then run the command again.",
        )


class PortForbidden(FlashError):
    code = "port-permission"

    def __init__(self, port: str) -> None:
        super().__init__(
            f"You may not open {port}.",
            "Add yourself to its group (sudo usermod -a -G dialout $USER), then log in again.",
        )


class NoMicroPython(FlashError):
    """`how` MicroPython gets onto this board, of its board.toml; empty for a board that nobody named."""

    code = "no-micropython"

    def __init__(self, port: str, how: str = "") -> None:
        how = (
            how or "on a Pico, hold BOOTSEL while connecting it, then tournee flash --uf2 FILE; others: docs/FLASH.md."
        )
        super().__init__(f"No MicroPython answers on {port}.", f"Put MicroPython on the board first: {how}")


class WrongBoard(FlashError):
    code = "wrong-board"

    def __init__(self, port: str, found: str, wanted: str) -> None:
        super().__init__(f"The board on {port} is a {found}, not a {wanted}.", "Name the right one with --board.")


class InBootloader(FlashError):
    code = "bootloader-mode"

    def __init__(self) -> None:
        super().__init__(
            "The board is in bootloader mode: it has a drive and no port.",
            "Give it MicroPython: tournee flash --uf2 FILE; or connect it again without holding BOOTSEL.",
        )


class TooOld(FlashError):
    code = "micropython-version"

    def __init__(self, found: str, wanted: str, how: str) -> None:
        super().__init__(
            f"The board's MicroPython ({found}) cannot run this firmware, compiled for {wanted}.",
            f"Put a current MicroPython on the board: {how}",
        )


class NoRoom(FlashError):
    code = "no-room"

    def __init__(self, free: int, wanted: int) -> None:
        super().__init__(
            f"The board has {free} bytes free, {wanted} are needed.", "Free its file system: tournee flash --erase."
        )


class NotWritten(FlashError):
    code = "not-written"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not on the board as it was sent.",
            "Run the command again; if it stays, the board's flash is worn out.",
        )


class BoardSaid(FlashError):
    code = "board-said"

    def __init__(self, said: str) -> None:
        super().__init__(f"The board said: {said}", "Connect it again and run the same command; if it stays: --erase.")


class BoardFull(BoardSaid):
    code = "board-full"


class SessionOpen(FlashError):
    code = "session-open"

    def __init__(self) -> None:
        super().__init__(
            "The terminal is in use: a card is powered.",
            "End what it does (tournee terminal lock), then run the command again.",
        )


class DidNotStart(FlashError):
    code = "did-not-start"

    def __init__(self, said: str) -> None:
        super().__init__(
            f"The new firmware did not come up: {said}", "Run tournee flash again; the REPL is still there."
        )


class Uf2Broken(UsageError):
    code = "uf2-broken"

    def __init__(self, why: str) -> None:
        super().__init__(f"This is not a whole UF2 file for these boards: {why}.", "Download it again for your board.")


class NoDrive(FlashError):
    code = "no-drive"

    def __init__(self) -> None:
        super().__init__(
            "No board shows its boot drive.",
            "Hold BOOTSEL while connecting the board, mount its drive (RPI-RP2), or name it with --drive.",
        )


class SeveralDrives(UsageError):
    code = "several-drives"

    def __init__(self, drives: str) -> None:
        super().__init__(f"Several boards show a boot drive: {drives}.", "Name one with --drive.")


class WrongFamily(FlashError):
    code = "wrong-family"

    def __init__(self, family: str, board: str) -> None:
        super().__init__(f"The file is for {family}, the board says {board}.", "Take the file made for this board.")


_AGAIN = "the board again holding BOOTSEL, then run the command again."
_DRIVE_REMEDIES = {
    errno.ENOSPC: "Remove what else lies on the drive, or connect " + _AGAIN,
    errno.EROFS: "Mount the drive so that it can be written (it is mounted read-only), then run the command again.",
    errno.EACCES: "Mount the drive so that you may write to it, then run the command again.",
}


class DriveRefused(FlashError):
    code = "drive"

    def __init__(self, drive: str, number: int, said: str) -> None:
        super().__init__(f"{drive} does not take the file: {said}.", _DRIVE_REMEDIES.get(number, "Connect " + _AGAIN))


class DriveGone(FlashError):
    code = "drive-gone"

    def __init__(self, drive: str, done: int, of: int) -> None:
        super().__init__(f"{drive} went away after {done} of {of} bytes.", "Check the cable, connect " + _AGAIN)


class LabelsRefused(UsageError):
    code = "labels"

    def __init__(self, path: str, said: str) -> None:
        super().__init__(f"{path} cannot be written: {said}.", "Name another file with --labels, or make room.")
