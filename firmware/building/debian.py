"""Source packages of Debian, by an apt-get that needs no root and changes nothing on the machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from building import BuildError

SUITE = "trixie"


def download(package: str, folder: Path, otherwise: str) -> None:
    """The source package's files into `folder`, checked by apt's signatures.

    apt-get sees nothing but `folder` and the machine's keys. `otherwise` is the remedy when there is no Debian archive to be had.
    """
    if shutil.which("apt-get") is None:
        raise BuildError(f"there is no apt-get to fetch the source of {package} with", otherwise)
    for path in ("empty", "state/lists/partial", "cache/archives/partial"):
        (folder / path).mkdir(parents=True)
    mirror, keys = mirror_of(Path("/etc/apt"), otherwise)
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
    for command in (["update"], ["source", "--download-only", package]):
        done = subprocess.run([*apt, *command], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            end = "\n".join(done.stderr.splitlines()[-4:])
            remedy = f"check the network and the machine's Debian mirror, or {otherwise}"
            raise BuildError(f"apt-get {command[0]} failed:\n{end}", remedy)


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
