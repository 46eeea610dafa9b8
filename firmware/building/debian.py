"""Packages of Debian with source in them, by an apt-get that needs no root and changes nothing on the machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from building import TOOLS, BuildError

SUITE = "trixie"


def download(package: str, folder: Path, otherwise: str) -> None:
    """The source package's files into `folder`, checked by apt's signatures.

    `otherwise` is the remedy when there is no Debian archive to be had.
    """
    _apt("deb-src", ["source", "--download-only", package], package, folder, otherwise)


def unpack(package: str, part: Path, target: Path, otherwise: str) -> None:
    """Folder `part` of a package of sources that is for every machine, as `target`; checked by apt's signatures. Raises BuildError."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as name:
        folder = Path(name)
        _apt("deb", ["download", package], package, folder, otherwise)
        for archive in folder.glob(f"{package}_*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(archive), str(folder / "tree")], check=True)
        if not (folder / "tree" / part).is_dir():
            raise BuildError(f"{SUITE}'s {package} has no {part}", otherwise)
        if target.is_dir():
            target.rmdir()  # a checkout's submodule that was never fetched
        (folder / "tree" / part).replace(target)


def _apt(kind: str, command: list[str], package: str, folder: Path, otherwise: str) -> None:
    """apt-get sees nothing but `folder` and the machine's keys."""
    if shutil.which("apt-get") is None:
        raise BuildError(f"there is no apt-get to fetch {package} with", otherwise)
    for path in ("empty", "state/lists/partial", "cache/archives/partial"):
        (folder / path).mkdir(parents=True)
    mirror, keys = mirror_of(Path("/etc/apt"), otherwise)
    signed = f" [signed-by={keys}]" if keys else ""
    (folder / "sources.list").write_text(f"{kind}{signed} {mirror} {SUITE} main\n", "utf-8")
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "empty",
        "Dir::State": folder / "state",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in settings.items())]
    for words in (["update"], command):
        done = subprocess.run([*apt, *words], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            end = "\n".join(done.stderr.splitlines()[-4:])
            remedy = f"check the network and the machine's Debian mirror, or {otherwise}"
            raise BuildError(f"apt-get {words[0]} failed:\n{end}", remedy)


def mirror_of(etc: Path, otherwise: str) -> tuple[str, str]:
    """Address and key ring of the Debian archive that the machine with this /etc/apt uses; raises BuildError."""
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
    raise BuildError("this machine has no Debian archive configured", otherwise)
