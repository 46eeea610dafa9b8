"""The files of a board that has a file system: laid out in a folder, and as the images that its boot loader takes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from building import BuildError
from tournee.errors import TourneeError
from tournee.flash import fileset
from tournee.flash.adapters import cross, images


def build(board: str, out: Path) -> dict[str, str]:
    """Writes `out`/files, littlefs.img, romfs.img where the board runs from one, and build.json; gives the latter's facts."""
    folder, mark = out / "files", out / "build.json"
    if folder.exists() and not (folder.is_dir() and mark.is_file()):
        raise BuildError(f"{folder} is not of an earlier build", "move it away, or give another folder with --out")
    settings = fileset.settings_of(board)
    try:
        made = fileset.make(board, cross.compiled)
        laid = made.laid()
        parts = {"littlefs.img": images.littlefs(laid, settings["block_bytes"], settings["blocks"])}
        if settings.get("romfs", False):
            package = {name: content for name, content in made.files.items() if name.startswith("tournee_fw/")}
            parts["romfs.img"] = images.romfs(package)
    except TourneeError as error:
        raise BuildError(error.what, error.remedy) from None
    facts = {"board": board, "firmware": made.version, "manifest": made.manifest}
    facts |= {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    # Before the files, which it marks as a build's: else one that a full disk broke off could not be built again.
    mark.write_text(json.dumps({**facts, "bytes": made.size}, indent=1) + "\n", "utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    for name, content in laid.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, content in parts.items():
        (out / name).write_bytes(content)
    return facts
