"""The pages of docs/ are found, their links lead somewhere, and the tree holds nothing of the machine it was written on."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.tools import cli_page

_ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)

# Spelled in two halves, so that this file does not find itself.
_FORBIDDEN = {
    "a private key": re.compile(rb"-----BEGIN (?:RSA |EC |ENCRYPTED |OPENSSH )?PRIV" + rb"ATE KEY-----"),
    "a path of the machine it was written on": re.compile(
        rb"(?<![\w/.~)}-])/(?:wo" + rb"rk|ro" + rb"ot|opt/pyp" + rb"i|tmp/" + rb"w)/[\w.]"
    ),
    "a package registry's host": re.compile(
        rb"(?:pypi\.o" + rb"rg|pythonho" + rb"sted|deb\.deb" + rb"ian|registry\.npm" + rb"js|files\.python)"
    ),
}


@cache
def _tree() -> tuple[str, ...]:
    """Files of the tree that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, check=False)
    if done.returncode == 0:
        return tuple(n for n in done.stdout.decode().split("\0") if n and (_ROOT / n).is_file())
    skip = {".venv", "out", "dist", "build", ".git"}
    return tuple(
        p.relative_to(_ROOT).as_posix()
        for p in _ROOT.rglob("*")
        if p.is_file() and not skip & set(p.relative_to(_ROOT).parts)
    )


def _pages() -> list[str]:
    return [name for name in _tree() if name.endswith(".md")]


def _links(page: str) -> Iterator[str]:
    text = _FENCE.sub("", (_ROOT / page).read_text(encoding="utf-8"))
    for match in _LINK.finditer(text):
        yield match[1] or match[2]


def _targets(page: str) -> Iterator[tuple[str, Path]]:
    for link in _links(page):
        if not re.match(r"[a-z]+:", link) and not link.startswith("#"):
            yield link, ((_ROOT / page).parent / link.partition("#")[0]).resolve()


@pytest.mark.parametrize("page", _pages())
def test_relative_links_resolve(page: str) -> None:
    broken = [link for link, target in _targets(page) if not target.exists()]
    assert not broken, f"{page}: {', '.join(broken)}"


def test_every_page_of_docs_can_be_reached_from_the_readme_or_the_index() -> None:
    reached, waiting = set(), [(_ROOT / "README.md").resolve(), (_ROOT / "docs/README.md").resolve()]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        waiting += [target for _, target in _targets(page.relative_to(_ROOT).as_posix())]
    lost = [page for page in _pages() if page.startswith("docs/") and (_ROOT / page).resolve() not in reached]
    assert not lost, f"link it from docs/README.md: {', '.join(lost)}"


@pytest.mark.parametrize("what", list(_FORBIDDEN))
def test_the_tree_holds_nothing_of_its_authors_machine(what: str) -> None:
    found = []
    for name in _tree():
        for number, line in enumerate((_ROOT / name).read_bytes().splitlines(), 1):
            if _FORBIDDEN[what].search(line):
                found.append(f"{name}:{number}")
    assert not found, f"{what}: {', '.join(found)}"


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a private key", b"-----BEGIN RSA PRIV" + b"ATE KEY-----"),
        ("a path of the machine it was written on", b'open("/wo' + b'rk/main/x")'),
        ("a package registry's host", b"https://pypi.o" + b"rg/simple"),
    ],
)
def test_the_search_would_see_it(what: str, line: bytes) -> None:
    assert _FORBIDDEN[what].search(line)


def test_every_dependency_says_what_it_is_for() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += [text for extra in project["project"]["optional-dependencies"].values() for text in extra]
    page = (_ROOT / "docs/DEPENDENCIES.md").read_text(encoding="utf-8").lower()
    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    names = {re.split(r"[^A-Za-z0-9_.-]", text)[0].lower() for text in wanted} - {"tournee"}
    missing = [name for name in sorted(names) if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", rows)]
    assert not missing, f"docs/DEPENDENCIES.md: a row for {', '.join(missing)}"


def test_the_page_of_the_command_line_names_every_command() -> None:
    assert cli_page.PAGE.read_text(encoding="utf-8") == cli_page.page(), "python -m tests.tools.cli_page --write"


def test_every_variable_of_the_environment_is_explained() -> None:
    page = (_ROOT / "docs/CLI.md").read_text(encoding="utf-8")
    used: set[str] = set()
    for name in _tree():
        if name.endswith(".py") and not name.startswith("tests/"):
            used |= set(re.findall(r"\bTOURNEE_[A-Z][A-Z_]*\b", (_ROOT / name).read_text(encoding="utf-8")))
    missing = sorted(word for word in used if f"`{word}`" not in page)
    assert not missing, f"docs/CLI.md, environment: {', '.join(missing)}"


def test_what_troubleshooting_says_one_sees_is_what_the_programs_say() -> None:
    page = (_ROOT / "docs/TROUBLESHOOTING.md").read_text(encoding="utf-8")
    said = "\n".join(
        (_ROOT / name).read_text(encoding="utf-8")
        for name in _tree()
        if name.endswith(".py") and not name.startswith(("tests/unit/", "tests/e2e/", "tests/integration/"))
    )
    plain = re.sub(r"[\"'}]\n\s*f?[\"']", "", said).lower()  # a text that runs over two lines of a program
    seen = [
        text
        for row in page.splitlines()
        if row.startswith("| `")
        for text in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    stale = []
    for text in seen:
        pieces = [piece.strip() for piece in re.split(r"…|3\.x|needs |, il reste", text)]
        stale += [piece for piece in pieces if len(piece) > 6 and piece.lower() not in plain]
    assert len(seen) > 10 and not stale, f"no program says: {stale}"
