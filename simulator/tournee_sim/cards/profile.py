"""Card profiles: ATR, protocol, latencies, quirks and file tree as data (`data/*.toml`, source and confidence per row)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tournee_sim.cards.tree import Df, Ef, Rule


class ProfileError(ValueError):
    """A profile that cannot be loaded; names the profile and the row."""


@dataclass(frozen=True)
class Profile:
    """What is fixed of a kind of card. `atr` empty: the card answers no reset."""

    name: str
    atr: bytes
    latency_ms: Mapping[str, float]
    quirks: Mapping[str, Any]
    dfs: tuple[Mapping[str, Any], ...]
    files: tuple[Mapping[str, Any], ...]

    def cost_ms(self, command: str) -> float:
        """Time the card takes inside, without the line, for `select`, `read`, `rsa` … (`default` otherwise)."""
        return float(self.latency_ms.get(command, self.latency_ms.get("default", 0)))

    def quirk(self, name: str) -> Any:
        return self.quirks.get(name)

    def tree(self, contents: Mapping[str, bytes]) -> Df:
        """The file tree with `contents` for the rows that name one; a named content that is missing leaves its file out."""
        root = Df(0x3F00)
        for row in self.dfs:
            *parent, fid = _path(row["path"])
            df = root
            if fid != 0x3F00:
                df = Df(fid)
                _parent(root, parent[1:], self.name).files[fid] = df
            df.aid = bytes.fromhex(row.get("aid", ""))
            df.label = row.get("label", "")
        for row in self.files:
            *parent, fid = _path(row["path"])
            if "content" in row:
                content = contents.get(row["content"])
                if content is None:
                    continue
            else:
                content = bytes.fromhex(row["hex"])
            content = content.ljust(row.get("size", 0), b"\0")
            ef = Ef(fid, content, row.get("sfi", 0), Rule(row.get("read", "always")), row.get("acl", ""))
            _parent(root, parent[1:], self.name).files[fid] = ef
        for row in self.dfs:
            if "alias" in row:
                *parent, fid = _path(row["path"])
                target = _parent(root, _path(row["alias"])[1:], self.name)
                _parent(root, _path(row["path"])[1:], self.name).files = target.files
        return root


@cache
def load(name: str) -> Profile:
    """The profile `name`; raises ProfileError."""
    try:
        data = tomllib.loads(files("tournee_sim").joinpath(f"cards/data/{name}.toml").read_text("utf-8"))
    except FileNotFoundError:
        raise ProfileError(f"no card profile {name!r}") from None
    return Profile(
        name,
        bytes.fromhex(data["atr"]),
        data.get("latency_ms", {}),
        data.get("quirks", {}),
        tuple(data.get("df", ())),
        tuple(data.get("file", ())),
    )


def _path(text: str) -> list[int]:
    return [int(part, 16) for part in text.split("/")]


def _parent(root: Df, fids: list[int], profile: str) -> Df:
    node = root
    for fid in fids:
        below = node.child(fid)
        if not isinstance(below, Df):
            raise ProfileError(f"profile {profile}: no DF {fid:04X} above a file")
        node = below
    return node
