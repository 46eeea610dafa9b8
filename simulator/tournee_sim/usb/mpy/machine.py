# The `machine` module of a simulated board with USB: `USBDevice` of MicroPython 1.24 and later, its device in another process
# (`tournee_sim.usb.runtime`, which has the messages). SIMULATION. [IMPL extmod/machine_usb_device.c, mp_usbd_runtime.c: high]
# `attach(path)` once. MicroPython's scheduler calls back between two byte codes; here `task` does whenever the firmware looks at its port.
import binascii
import os
import socket
import struct
import sys

from micropython import const

_EINVAL = const(22)
_EBUSY = const(16)
_EAGAIN = const(11)
_IN = const(0x80)

_sock = None
_singleton = None


class _Builtin:
    itf_max = 2
    ep_max = 3
    str_max = 5
    desc_dev = b""
    desc_cfg = b""


class _NoBuiltin:
    itf_max = 0
    ep_max = 0
    str_max = 1
    desc_dev = b""
    desc_cfg = b""


def attach(path):
    """The device's socket; before the first `USBDevice()`. From then on the firmware's looks at its port run the task."""
    global _sock
    _sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    _sock.connect(struct.pack("H", socket.AF_UNIX) + path.encode() + b"\0")
    _Builtin.desc_dev = _NoBuiltin.desc_dev = _read(18)
    _Builtin.desc_cfg = _read(_read(1)[0])
    _sock.setblocking(False)
    from tournee_fw.hal.cdc import CdcLink as link

    for name in ("poll", "ioctl", "read_into", "write"):
        setattr(link, name, _with_task(getattr(link, name)))


def unique_id():
    return binascii.unhexlify(os.getenv("TOURNEE_UID") or "")


def _with_task(method):
    def call(*arguments):
        USBDevice().task()
        return method(*arguments)

    return call


def _read(n):
    got = b""
    while len(got) < n:
        got += _sock.read(n - len(got))
    return got


def USBDevice():
    global _singleton
    if _singleton is None:
        _singleton = _USBDevice()
    return _singleton


class _USBDevice:
    BUILTIN_DEFAULT = BUILTIN_CDC = _Builtin
    BUILTIN_NONE = _NoBuiltin

    def __init__(self):
        self._builtin = _NoBuiltin
        self._config = None
        self._active = self._trigger = False
        self._heard = bytearray()
        self._buffers = {}
        self._control_buffer = None
        self._one = bytearray(512)

    @property
    def builtin_driver(self):
        return self._builtin

    @builtin_driver.setter
    def builtin_driver(self, value):
        if self._active:
            raise OSError(_EINVAL)
        self._builtin = value

    def config(
        self, desc_dev, desc_cfg, desc_strs, open_itf_cb=None, reset_cb=None, control_xfer_cb=None, xfer_cb=None
    ):
        self._config = (desc_dev, desc_cfg, desc_strs, open_itf_cb, reset_cb, control_xfer_cb, xfer_cb)

    def active(self, value=None):
        was = self._active
        if value is not None and bool(value) != was:
            if value and self._config is None and self._builtin is _NoBuiltin:
                raise OSError(_EINVAL)
            self._active = bool(value)
            self._trigger = True
        return was

    def submit_xfer(self, ep, buffer):
        if not self._active or self._trigger:
            raise OSError(_EINVAL)
        if not 0 < ep & 15 < 16:
            raise ValueError("ep")
        if ep in self._buffers:
            raise OSError(_EBUSY)
        self._buffers[ep] = buffer
        self._say("X", bytes((ep,)) + (bytes(buffer) if ep & _IN else len(buffer).to_bytes(2, "little")))
        return True

    def task(self):
        if self._trigger:
            self._trigger = False
            self._buffers = {}
            if self._active:
                dev, cfg, strings = self._config[:3]
                self._say("D", bytes(dev))
                self._say("C", bytes(cfg))
                for index in range(1, 16):
                    try:
                        text = strings[index]
                    except (KeyError, IndexError):
                        continue
                    self._say("S", bytes((index,)) + text.encode())
            self._say("A", bytes((self._active,)))
        while True:
            try:
                n = _sock.readinto(self._one)
            except OSError as error:
                if error.errno == _EAGAIN:
                    break
                raise
            if not n:
                if n == 0:
                    raise SystemExit(0)
                break
            self._heard += self._one[:n]
        while len(self._heard) >= 3:
            end = 3 + self._heard[1] + 256 * self._heard[2]
            if len(self._heard) < end:
                break
            what, body = chr(self._heard[0]), bytes(self._heard[3:end])
            self._heard = self._heard[end:]
            self._dispatch(what, body)

    def _dispatch(self, what, body):
        _, _, _, opened, reset, control, done = self._config
        if what == "Z":
            self._buffers = {}
            self._call(reset)
        elif what == "O":
            self._call(opened, memoryview(body))
        elif what == "T":
            ep = body[0]
            buffer = self._buffers.pop(ep, None)
            if buffer is None:
                return
            if ep & _IN:
                n = body[1] + 256 * body[2]
            else:
                n = len(body) - 1
                buffer[:n] = body[1:]
            self._call(done, ep, 0, n)
        elif what == "K":
            stage, request, data = body[0], bytearray(body[1:9]), body[9:]
            if stage == 2 and self._control_buffer is not None and data:
                n = min(len(data), len(self._control_buffer))
                self._control_buffer[:n] = data[:n]
            answer = self._call(control, stage, memoryview(request))
            if stage == 1:
                self._control_buffer = None
                if not isinstance(answer, (bool, type(None))):
                    self._control_buffer = answer
                    self._say("R", b"\x02" + bytes(answer))
                    return
            self._say("R", b"\x01" if answer else b"\x00")

    def _call(self, function, *arguments):
        """An exception of the firmware's does not leave the USB task."""
        if function is None:
            return False
        try:
            return function(*arguments)
        except Exception as error:
            sys.print_exception(error)
            return False

    def _say(self, what, body):
        data = what.encode() + len(body).to_bytes(2, "little") + body
        _sock.setblocking(True)
        _sock.write(data)
        _sock.setblocking(False)
