"""Runs in MicroPython: the terminal's `main.py` with an observer of its state machines. The firmware's files are those that are flashed.

`micropython watch.py main=MAIN.py watch=unix:PATH key=value …`. Each machine has a module with a table `STATES` and keeps its state in
the attribute `state`; here a property takes that attribute's place and tells the simulator (`tournee_sim.boards.watch`). Lines:
simulator `arm SLOT MACHINE STATE`, board `armed`, and when a machine is there `hit`: it stands still in that very state until `go`;
before that the simulator may ask `drain`: the card's characters on their way, answered in hex and then lost. `disarm`, `disarmed`.
Characters reach a machine one by one.
"""

import sys

MACHINES = ("slot", "atr", "pps", "t0", "t1", "apdu")


def machines(slot):
    """In the order of MACHINES."""
    t0, t1 = slot._protocols
    return (slot, slot.atr_reader, slot._pps, t0, t1, slot.apdu)


class Watch:
    """What is armed, which machines there are and in which states."""

    def __init__(self, sock):
        self.sock = sock
        self.machines = {}
        """By id: slot number, name."""
        self.now = {}
        """By id: the machine's state, by name."""
        self.armed = None
        self.slots = ()
        self.pin = None

    def observe(self, cls, states):
        """From now on `cls().state` is seen."""

        def get(machine):
            return states.index(self.now[id(machine)])

        def put(machine, value):
            self.now[id(machine)] = states[value]
            if self.armed is not None:
                self.look(machine)

        cls.state = property(get, put)

    def register(self, slots, pin):
        """`pin`: the keypad entry of the link; it is one for all slots, and found in slot 0."""
        self.slots = slots
        for slot in slots:
            for name, machine in zip(MACHINES, machines(slot)):
                self.machines[id(machine)] = (slot.number, name)
        self.machines[id(pin)] = (0, "pin")
        self.pin = pin

    def look(self, machine):
        number, name = self.machines.get(id(machine), (None, None))
        if self.armed == (number, name, self.now[id(machine)]):
            self.strike()

    def strike(self):
        number = self.armed[0]
        self.armed = None
        self.say("hit")
        while True:
            order = self.line()
            if order == "go":
                return
            if order == "drain":
                port, lost, one = self.slots[number].port, bytearray(), bytearray(1)
                while port.read_into(one):
                    lost += one
                self.say(bytes(lost).hex() or "-")

    def orders(self):
        """Take an order that has come, without waiting for one."""
        self.sock.setblocking(False)
        try:
            first = self.sock.read(1)
        except OSError:
            first = None
        self.sock.setblocking(True)
        if not first:
            return
        order = (first.decode() + self.line()).split()
        if order[0] == "disarm":
            self.armed = None
            self.say("disarmed")
            return
        self.armed = (int(order[1]), order[2], order[3])
        self.say("armed")
        for slot in self.slots:
            for machine in machines(slot):
                if self.armed is not None:
                    self.look(machine)
        if self.armed is not None:
            self.look(self.pin)

    def say(self, text):
        self.sock.write(text.encode() + b"\n")

    def line(self):
        text = bytearray()
        while True:
            c = self.sock.read(1)
            if not c:
                raise SystemExit(0)
            if c == b"\n":
                return text.decode()
            text += c


def main(argv):
    options = dict(item.split("=", 1) for item in argv)
    path = options.pop("main")
    folder = path.rsplit("/", 1)[0]
    sys.path.insert(0, folder)
    sys.path.insert(0, folder + "/../../..")
    from tournee_fw import app, pin, slots
    from tournee_fw.hal import expander, unix
    from tournee_fw.iso7816 import apdu, atr, pps, t0, t1

    watch = Watch(unix.connect(options.pop("watch")[5:]))
    classes = ((slots, "Slot"), (atr, "Atr"), (pps, "Pps"), (t0, "T0"), (t1, "T1"), (apdu, "Apdu"), (pin, "PinEntry"))
    for module, name in classes:
        watch.observe(getattr(module, name), module.STATES)

    whole = expander.ExpanderPort.read_into
    expander.ExpanderPort.read_into = lambda port, buf: whole(port, memoryview(buf)[:1])

    wait = unix.UnixBoard.wait

    def wait_watched(board, timeout_ms):
        wait(board, timeout_ms)
        watch.orders()

    unix.UnixBoard.wait = wait_watched

    run = app.Terminal.run

    def run_watched(terminal, *arguments):
        watch.register(terminal.slots, terminal.server._ops.pin)
        terminal.board._poll.register(watch.sock, 1)
        return run(terminal, *arguments)

    app.Terminal.run = run_watched
    import main as terminal

    return terminal.main([key + "=" + value for key, value in options.items()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
