#!/usr/bin/env python3
"""Builds the firmware image of a board: `python firmware/build.py --board MPS2_AN385 [--out DIR]`.

MicroPython's source comes from `MICROPYTHON_DIR` or, once, from the Debian archive that this machine is configured for: `apt-get` with a
configuration of its own in a temporary folder, so no root is needed and nothing on the machine changes. Source and objects are kept
in `.tools/`. The same files give the same image: its SHA-256 is printed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent
PACKAGE = FIRMWARE / "tournee_fw"
TOOLS = FIRMWARE.parent / ".tools"
VERSION = "1.25.0"
SUITE = "trixie"
SOURCE_VARIABLE = "MICROPYTHON_DIR"
ORIG = "micropython_1.25.0+ds.orig.tar.xz"
ORIG_SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
TOOLCHAIN = {
    "make": "make",
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
}
EPOCH = "1735689600"  # 2025-01-01: the build date that MicroPython writes into the image
FOUND, MISSING, USAGE = 0, 4, 2


class BuildError(Exception):
    """What stopped the build, and the one thing to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the firmware image of a board.")
    parser.add_argument(
        "--board", required=True, choices=boards(), help="folder of tournee_fw/boards with a board.toml"
    )
    parser.add_argument("--out", type=Path, help="also copy firmware.elf and build.json there")
    parser.add_argument(
        "--source", type=Path, help=f"a MicroPython checkout; else {SOURCE_VARIABLE}, else Debian's source"
    )
    parser.add_argument("--jobs", type=int, default=1, help="compilers at once (default: 1)")
    parser.add_argument("--heap", type=int, help="bytes of heap instead of the board's own (for measurements)")
    parser.add_argument("--verbose", action="store_true", help="show what the compilers say")
    options = parser.parse_args(argv)
    try:
        image = build(options.board, options.source, options.jobs, options.heap, verbose=options.verbose)
    except BuildError as error:
        print(f"build.py: {error}\n→ {error.remedy}", file=sys.stderr)
        return MISSING
    except KeyboardInterrupt:
        return 130
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for path in (image, image.with_name("build.json")):
            shutil.copyfile(path, options.out / path.name)
        image = options.out / image.name
    facts = json.loads(image.with_name("build.json").read_text("utf-8"))
    print(f"{image}")
    print(f"  {facts['board']}, MicroPython {facts['micropython']}, heap {facts['heap']} bytes")
    print(f"  firmware files {facts['manifest']}")
    print(f"  image {facts['sha256']}")
    return FOUND


def boards() -> list[str]:
    return sorted(path.parent.name for path in PACKAGE.glob("boards/*/board.toml"))


def build(
    board: str, source: Path | None = None, jobs: int = 1, heap: int | None = None, *, verbose: bool = False
) -> Path:
    """Path of the image; raises BuildError. What has not changed is not built again; one build at a time."""
    need_toolchain()
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(board, source, jobs, heap, verbose)


def _build(board: str, source: Path | None, jobs: int, heap: int | None, verbose: bool) -> Path:
    tree = micropython(source)
    name = board if heap is None else f"{board}-{heap}"
    folder = TOOLS / "firmware" / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    settings = tomllib.loads((PACKAGE / "boards" / board / "board.toml").read_text("utf-8"))
    digest = manifest(PACKAGE)
    frozen = stage(folder / "frozen", board, settings, digest)
    make(["-C", str(tree / "mpy-cross")], jobs, log, verbose)
    objects = objects_for(folder, tree, board)
    arguments = [
        *("-C", str(tree / "ports" / settings["port"]), f"BOARD={board}"),
        f"BOARD_DIR={PACKAGE / 'boards' / board}",
        f"BUILD={objects}",
        f"FROZEN_MANIFEST={frozen}",
        f"CFLAGS_EXTRA=-ffile-prefix-map={tree}=. -ffile-prefix-map={objects}=build",
    ]
    if heap is not None:
        arguments.append(f"MICROPY_HEAP_SIZE={heap}")
    make(arguments, jobs, log, verbose)
    image = folder / "firmware.elf"
    shutil.copyfile(objects / "firmware.elf", image.with_suffix(".new"))
    image.with_suffix(".new").replace(image)
    size = heap_of(PACKAGE / "boards" / board / "mpconfigboard.mk") if heap is None else heap
    facts = {"board": board, "micropython": version_of(tree), "heap": size, "manifest": digest}
    facts["sha256"] = hashlib.sha256(image.read_bytes()).hexdigest()
    image.with_name("build.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return image


def need_toolchain() -> None:
    missing = sorted({package for tool, package in TOOLCHAIN.items() if shutil.which(tool) is None})
    if missing:
        raise BuildError("the compilers are not all here", f"sudo apt install {' '.join(missing)}")


def manifest(package: Path) -> str:
    """The hash of `tournee_fw/buildinfo.py`, as a board with files computes it itself."""
    digest = hashlib.sha256()
    files = [path for path in package.rglob("*") if path.suffix in (".py", ".mpy")]
    for path in sorted(files, key=lambda path: path.relative_to(package).as_posix().encode()):
        content = path.read_bytes()
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def stage(folder: Path, board: str, settings: dict[str, object], digest: str) -> Path:
    """Lay out what is frozen, with `terminal.start(name)` on top; gives the manifest for MicroPython's build."""
    wanted: dict[str, str] = {}
    hal, without = settings["hal"], settings["without"]
    assert isinstance(hal, list)
    assert isinstance(without, list)
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        top = name.partition("/")[0]
        if name in without or (top == "hal" and path.stem not in hal):
            continue
        if top == "boards" and not name.startswith(f"boards/{board}/"):
            continue
        wanted[f"tournee_fw/{name}"] = path.read_text("utf-8")
    wanted["terminal.py"] = f"from {settings['start']} import run\n\n\ndef start(name):\n    run(name, {digest!r})\n"
    for path in [*folder.rglob("*.py")]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:  # an older file is not compiled again
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    script = folder.parent / "manifest.py"
    text = f"freeze({str(folder)!r})\n"
    if not script.exists() or script.read_text("utf-8") != text:
        script.write_text(text, "utf-8")
    return script


def objects_for(folder: Path, tree: Path, board: str) -> Path:
    """Folder of objects, emptied when the configuration is another one than last time: make does not see that."""
    objects, stamp = folder / "objects", folder / "configuration"
    compiler = subprocess.run(["arm-none-eabi-gcc", "--version"], capture_output=True, text=True, check=True).stdout
    configuration = PACKAGE / "boards" / board / "mpconfigboard.mk"
    wanted = "\n".join([str(tree), compiler.partition("\n")[0], configuration.read_text("utf-8")])
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(objects, ignore_errors=True)
        stamp.write_text(wanted, "utf-8")
    return objects


def make(arguments: list[str], jobs: int, log: Path, verbose: bool) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "SOURCE_DATE_EPOCH": EPOCH}
    environment["MICROPY_GIT_TAG"] = f"v{VERSION}"
    command = ["nice", "make", f"-j{jobs}", f"PYTHON={sys.executable}", *arguments]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    with log.open("a", encoding="utf-8") as stream:
        stream.write(done.stdout)
    if verbose:
        print(done.stdout)
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-12:])
        raise BuildError(
            f"make ended with code {done.returncode}:\n{end}", f"read {log}; delete {log.parent} to start afresh"
        )


def micropython(source: Path | None) -> Path:
    """A source tree of MicroPython that our configuration fits; fetched when there is none."""
    given = source or (Path(os.environ[SOURCE_VARIABLE]) if os.environ.get(SOURCE_VARIABLE) else None)
    tree = given.resolve() if given else TOOLS / f"micropython-{VERSION}"
    if given and not (tree / "ports" / "qemu" / "Makefile").is_file():
        raise BuildError(
            f"{tree} is no MicroPython source with ports/qemu", f"set {SOURCE_VARIABLE} to a checkout of v{VERSION}"
        )
    if not given and not tree.is_dir():
        fetch(tree)
    found = version_of(tree)
    if found != VERSION:
        raise BuildError(
            f"{tree} is MicroPython {found}", f"check out v{VERSION} there: the board's configuration is for it"
        )
    return tree


def version_of(tree: Path) -> str:
    text = (tree / "py" / "mpconfig.h").read_text("utf-8")
    parts = [re.search(rf"define MICROPY_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "MICRO")]
    return ".".join(part[1] if part else "?" for part in parts)


def heap_of(configuration: Path) -> int:
    found = re.search(r"^MICROPY_HEAP_SIZE = (\d+)$", configuration.read_text("utf-8"), re.MULTILINE)
    return int(found[1]) if found else 0


def fetch(tree: Path) -> None:
    """Debian's source package, signature checked by apt and content by its hash, into `tree`."""
    if shutil.which("apt-get") is None:
        raise BuildError(
            "there is no apt-get to fetch MicroPython's source with",
            f"set {SOURCE_VARIABLE} to a checkout of v{VERSION}",
        )
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent) as name:
        folder = Path(name)
        archive = download(folder)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != ORIG_SHA256:
            raise BuildError(
                f"{archive.name} is not the archive this build is for",
                f"set {SOURCE_VARIABLE} to a checkout of v{VERSION}",
            )
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "tree", filter="data")
        (top,) = (folder / "tree").iterdir()
        # The build asks for this file of a submodule that the package leaves out and our manifest does not use.
        (top / "lib" / "micropython-lib" / "README.md").touch()
        top.replace(tree)


def download(folder: Path) -> Path:
    """The archive in `folder`, by an apt-get that sees nothing but `folder` and the machine's keys."""
    for path in ("empty", "state/lists/partial", "cache/archives/partial"):
        (folder / path).mkdir(parents=True)
    mirror, keys = debian_mirror()
    signed = f" [signed-by={keys}]" if keys else ""
    (folder / "sources.list").write_text(f"deb-src{signed} {mirror} {SUITE} main\n", "utf-8")
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "empty",
        "Dir::State": folder / "state",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in settings.items())]
    for command in (["update"], ["source", "--download-only", "micropython"]):
        done = subprocess.run([*apt, *command], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            end = "\n".join(done.stderr.splitlines()[-4:])
            remedy = f"check the network and the machine's Debian mirror, or set {SOURCE_VARIABLE} to a checkout of v{VERSION}"
            raise BuildError(f"apt-get {command[0]} failed:\n{end}", remedy)
    archive = folder / ORIG
    if not archive.is_file():
        raise BuildError(f"{SUITE} no longer has {ORIG}", f"set {SOURCE_VARIABLE} to a checkout of v{VERSION}")
    return archive


def debian_mirror() -> tuple[str, str]:
    """Address and key ring of the Debian archive this machine is configured for; raises BuildError."""
    etc = Path("/etc/apt")
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text("utf-8", "replace")):
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.+)$", stanza, re.MULTILINE))
            uri = fields.get("URIs", "").split()
            if uri and uri[0].rstrip("/").endswith("/debian"):
                keys = fields.get("Signed-By", "").strip()
                return uri[0], keys if keys.startswith("/") else ""
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        text = path.read_text("utf-8", "replace") if path.is_file() else ""
        for found in re.finditer(r"^deb(?:-src)?\s+(?:\[([^]]*)\]\s+)?(\S+/debian/?)\s", text, re.MULTILINE):
            keys = re.search(r"signed-by=(\S+)", found[1] or "")
            return found[2], keys[1] if keys else ""
    raise BuildError(
        "this machine has no Debian archive configured", f"set {SOURCE_VARIABLE} to a checkout of v{VERSION}"
    )


if __name__ == "__main__":
    sys.exit(main())
