"""The steps of `make setup`. Imported by bootstrap.py once the Python is known to be new enough."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "tournee-setup.sha256"
EXTRAS = VENV / "tournee-extras"
LOG = ROOT / "out" / "setup.log"

COMPILER = ["gcc", "libc6-dev", "python3-dev"]
PCSC = ["gcc", "python3-dev", "swig", "libpcsclite-dev", "pkg-config"]
PCSC_DAEMON = ["pcscd", "libccid", "vsmartcard-vpcd", "opensc", "pcsc-tools"]  # the last three are for the tests
QEMU = ["qemu-system-arm", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "gcc", "make", "cmake"]
USB_HOST = ["qemu-system-x86", "busybox-static"]
LINUX = ROOT / ".tools" / "linux"
VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")

# What a line of pip's output means, and the one thing to do.
KNOWN_FAILURES = [
    ("No space left on device", "the disk is full", "free about 1 GB (df -h .), then run the same command again"),
    ("Temporary failure in name resolution", "no network", "connect once: later runs work offline"),
    ("Network is unreachable", "no network", "connect once: later runs work offline"),
    (
        "Failed to establish a new connection",
        "the package index cannot be reached",
        "check the network or pip's index (pip config list)",
    ),
    ("ConnectTimeout", "the package index does not answer", "check the network, then run the same command again"),
    ("Read timed out", "the package index does not answer", "check the network, then run the same command again"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the package index's certificate is not trusted",
        "set PIP_CERT to your certificate bundle",
    ),
    (
        "Permission denied",
        "a file cannot be written",
        "check who owns this folder (ls -la), then run the same command again",
    ),
    ("swig", "pyscard could not be built", "sudo apt install swig libpcsclite-dev gcc python3-dev"),
]


class SetupError(Exception):
    """What stopped the setup, and the one thing to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def fingerprint(extras: Sequence[str]) -> str:
    """SHA-256 over all that decides what the environment holds."""
    digest = hashlib.sha256()
    inputs = [
        ROOT / "pyproject.toml",
        ROOT / "hatch_build.py",
        *sorted(Path(__file__).parent.glob("*.py")),
        *sorted(ROOT.glob("host/tournee/**/*.[ch]")),
    ]
    for path in inputs:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in (sys.version, str(ROOT), *sorted(extras), os.environ.get("TOURNEE_SKIP_C", "")):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def ready(mark: str) -> bool:
    """True when this very environment was completed before and still starts."""
    if not STAMP.is_file() or STAMP.read_text().strip() != mark:
        return False
    probe = subprocess.run([PYTHON, "-c", "import tournee"], capture_output=True, check=False)
    return probe.returncode == 0 and not (os.environ.get("TOURNEE_REQUIRE_C", "0") not in ("", "0") and not has_twin())


def has_twin() -> bool:
    return any((ROOT / "host/tournee/b2").glob("_ctwin*.so"))


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two `make` at once must not build the same environment."""
    with (ROOT / ".setup.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another setup is running here, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def apt_install(packages: Sequence[str], why: str) -> bool:
    """Install Debian packages after saying so; False (and the remedy is said) when that is not possible here."""
    if shutil.which("dpkg"):
        packages = [name for name in packages if _quiet(["dpkg", "-s", name]) != 0] or packages
    by_hand = f"sudo apt install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        say(f"{why}: this system has no apt-get; install what corresponds to: {' '.join(packages)}")
        return False
    prefix: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None or (not sys.stdin.isatty() and _quiet(["sudo", "-n", "true"]) != 0):
            say(f"{why}: needs root. Remedy: {by_hand}")
            return False
        prefix = ["sudo"]
    say(f"{why}: installing system packages: {' '.join(packages)}")
    command = [
        *prefix,
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=120",
        "install",
        "-y",
        "--no-install-recommends",
        *packages,
    ]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        if subprocess.run(command, stdout=log, stderr=log, env=quiet, check=False).returncode == 0:
            return True
        subprocess.run([*prefix, "apt-get", "update"], stdout=log, stderr=log, env=quiet, check=False)
        if subprocess.run(command, stdout=log, stderr=log, env=quiet, check=False).returncode == 0:
            return True
    say(f"{why}: apt-get failed (see {LOG.relative_to(ROOT)}). Remedy: {by_hand}")
    return False


def _quiet(command: Sequence[str]) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


def need_venv_module() -> None:
    try:
        import ensurepip  # noqa: F401  Debian ships it apart, in python3-venv
        import venv  # noqa: F401
    except ImportError:
        package = f"python3.{sys.version_info.minor}-venv"
        if not apt_install([package], "Python's venv module is missing"):
            raise SetupError("Python's venv module is missing", f"sudo apt install {package}") from None


def need_compiler() -> None:
    """A compiler and Python's headers for the C twin; without them the Python twin does the same, slower."""
    if os.environ.get("TOURNEE_SKIP_C", "0") not in ("", "0"):
        return
    headers = Path(sysconfig.get_path("include"), "Python.h").is_file()
    if headers and (shutil.which("cc") or shutil.which("gcc")):
        return
    if not apt_install(COMPILER, "the C twin needs a compiler and Python's headers"):
        say("going on without the C twin: the Python twin gives the same bytes, more slowly")


def need_pcsc() -> None:
    have_headers = shutil.which("swig") and Path("/usr/include/PCSC/winscard.h").is_file()
    if not have_headers and not apt_install(PCSC, "PC/SC readers (pyscard has no Linux wheel)"):
        raise SetupError("pyscard cannot be built", f"sudo apt install {' '.join(PCSC)}")
    have_tools = all(shutil.which(tool) for tool in ("pcscd", "opensc-tool", "scriptor")) and VPCD.is_file()
    if not have_tools and not apt_install(PCSC_DAEMON, "PC/SC readers need a daemon"):
        say("going on without pcscd: PC/SC readers will not be seen")


def need_qemu() -> None:
    """An extra of the system only: the board `qemu`, and the compiler that builds its image."""
    if all(shutil.which(tool) for tool in ("qemu-system-arm", "arm-none-eabi-gcc", "gcc", "make", "cmake")):
        return
    if not apt_install(QEMU, "the emulated Cortex-M3"):
        say("going on without the board qemu")


def need_usb_host() -> None:
    """A virtual machine with a USB host, for the tests of a board's USB: its kernel is Debian's for this processor."""
    if platform.machine() != "x86_64" or shutil.which("dpkg") is None:
        say("going on without a USB host: it needs Debian on x86-64")
        return
    have = all(shutil.which(tool) for tool in ("qemu-system-x86_64", "busybox"))
    if not have and not apt_install(USB_HOST, "a virtual machine with a USB host"):
        say("going on without a USB host")
        return
    if (LINUX / "vmlinuz").is_file():
        return
    say("fetching a kernel for it, 70 MB once")
    command = [sys.executable, str(Path(__file__).with_name("linux.py")), str(LINUX)]
    if _quiet(command) != 0 and (os.geteuid() != 0 or _quiet(["apt-get", "update"]) != 0 or _quiet(command) != 0):
        say(f"going on without a USB host. Remedy: sudo apt-get update, then {' '.join(command)}")


def known_extras() -> dict[str, bool]:
    """Name of an extra → whether pip installs something for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict.fromkeys(project["optional-dependencies"], True) | {"qemu": False}


def make_venv() -> None:
    if PYTHON.exists() and _quiet([PYTHON, "-m", "pip", "--version"]) == 0 and _same_python():
        return
    say(f"creating .venv with Python {sys.version.split()[0]}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], "the virtual environment cannot be created")


def _same_python() -> bool:
    command = [PYTHON, "-c", "import sys; print(sys.version, sys.prefix, sep='\\n')"]
    seen = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return seen == f"{sys.version}\n{VENV}".strip()


def install(extras: Sequence[str]) -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install"]
    say("installing build tools (1/2)")
    run([*pip, *build], "the build tools cannot be installed")
    say("installing Tournée and what it needs into .venv, a minute or two (2/2)")
    # No build isolation: a changed C source is compiled again without network.
    wanted = ["dev", *(name for name in extras if known_extras()[name])]
    target = f"{ROOT}[{','.join(wanted)}]"
    run([*pip, "--no-build-isolation", "--editable", target], "the packages cannot be installed")


def run(command: Sequence[str], what: str) -> None:
    """Run, log to out/setup.log; on failure raise with a cause that a person can act on."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        log.write(done.stdout)
    if done.returncode == 0:
        return
    for sign, cause, remedy in KNOWN_FAILURES:
        if sign in done.stdout:
            raise SetupError(f"{what}: {cause}", remedy)
    tail = "\n    ".join(done.stdout.strip().splitlines()[-15:])
    raise SetupError(
        f"{what}:\n    {tail}", f"read {LOG.relative_to(ROOT)}; docs/TROUBLESHOOTING.md lists known causes"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make setup", description=__doc__)
    parser.add_argument("--extras", default="", help="comma-separated: pcsc (PC/SC readers), qemu (emulated board)")
    parser.add_argument("--force", action="store_true", help="install again even if nothing changed")
    extras = [e for e in parser.parse_args(argv).extras.split(",") if e]
    force = parser.parse_args(argv).force
    try:
        with one_at_a_time():
            return _setup(extras, force)
    except SetupError as exc:
        print(f"setup: {exc.what}\n  -> {exc.remedy}", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"setup: {exc}\n  -> check free space (df -h .) and who owns this folder (ls -la)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; the next run goes on from here", file=sys.stderr)
        return 130


def _setup(asked: Sequence[str], force: bool) -> int:
    before = EXTRAS.read_text().split() if EXTRAS.is_file() else []
    if unknown := set(asked) - set(known_extras()):
        raise SetupError(f"no extra {', '.join(sorted(unknown))}", f"there are: {', '.join(known_extras())}")
    extras = sorted({*asked, *before} & set(known_extras()))  # an extra once asked for stays
    mark = fingerprint(extras)
    if not force and ready(mark):
        say("ready")
        return 0
    STAMP.unlink(missing_ok=True)
    LOG.unlink(missing_ok=True)
    need_venv_module()
    need_compiler()
    if "pcsc" in extras:
        need_pcsc()
    if "qemu" in extras:
        need_qemu()
        need_usb_host()
    make_venv()
    install(extras)
    if "qemu" in extras and _quiet([str(PYTHON), str(Path(__file__).with_name("emulator.py"))]):
        say("the emulated RP2040 was not compiled for this Python: its tests take three times as long")
    if not has_twin():
        say("the C twin was not built: the Python twin is used (details: out/setup.log)")
    EXTRAS.write_text(" ".join(extras) + "\n")
    STAMP.write_text(mark + "\n")
    say(f"ready: {VENV.relative_to(ROOT)}/bin/tournee --help")
    return 0
