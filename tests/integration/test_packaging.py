"""The sdist and both wheels, built from the files of the tree and installed in clean environments, without network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tournee_sim.pytest_plugin import need


def _tree(root: Path, target: Path) -> Path:
    """A copy of the tree's own files, without what builds and runs leave behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:  # an unpacked sdist is no git checkout
        ignore = shutil.ignore_patterns(".venv", "out", "dist", "*.so", "__pycache__", ".*_cache", ".hypothesis")
        return Path(shutil.copytree(root, target, ignore=ignore))
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = root / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


def _build(tree: Path, out: Path, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("TOURNEE_REQUIRE_C", "TOURNEE_SKIP_C")} | environment
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(out), str(tree)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tree(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tree(root, tmp_path_factory.mktemp("src") / "tournee")


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    done = _build(tree, out, "sdist")
    assert done.returncode == 0, done.stderr[-3000:]
    return next(out.glob("tournee-*.tar.gz"))


@pytest.fixture(scope="module")
def pure_wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pure")
    done = _build(tree, out, "wheel", TOURNEE_SKIP_C="1")
    assert done.returncode == 0, done.stderr[-3000:]
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def twin_wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist: so the sdist holds all that a build needs."""
    need("ctwin")
    source = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(source, filter="data")
    out = tmp_path_factory.mktemp("twin")
    done = _build(next(source.iterdir()), out, "wheel", TOURNEE_REQUIRE_C="1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next(out.glob("*.whl"))


def _install(wheel: Path, folder: Path) -> Path:
    """A clean environment with the wheel; its dependencies (not Tournée) are borrowed from the running one. Returns its python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", f"--python={python}"]
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", str(wheel)], check=True)
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for packages in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(packages).iterdir():
            if "tournee" not in entry.name and entry.suffix != ".pth" and not (borrowed / entry.name).exists():
                (borrowed / entry.name).symlink_to(entry)
    target = next(folder.glob("lib/python*/site-packages"))
    (target / "borrowed.pth").write_text(str(borrowed) + "\n")
    return python


def _clean(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [str(python), *arguments]
    return subprocess.run(command, cwd=python.parents[1], env=env, capture_output=True, text=True, check=False)


def _works(python: Path) -> None:
    help_text = subprocess.run([python.with_name("tournee"), "--help"], capture_output=True, text=True, check=False)
    assert help_text.returncode == 0, help_text.stderr
    for command in ("terminal", "read", "bill", "sim"):
        assert f"\n  {command} " in help_text.stdout
    probe = (
        "import tournee, tournee_protocol.link, tournee_sim, tournee_bleak_hci\n"
        "from importlib.resources import files\n"
        "print(tournee.__file__)\n"
        "print((files('tournee_fw') / 'boards' / 'UNIX' / 'main.py').is_file())\n"
        "print((files('tournee') / 'py.typed').is_file())\n"
    )
    done = _clean(python, "-c", probe)
    assert done.returncode == 0, done.stderr
    where, *found = done.stdout.split()
    assert str(python.parents[1]) in where, "the installed package, not the checkout"
    assert found == ["True", "True"]


_TWIN = "import importlib.util as u; print(u.find_spec('tournee.b2._ctwin') is not None)"


def test_pure_wheel_installs_and_works(pure_wheel: Path, tmp_path: Path) -> None:
    assert pure_wheel.name.endswith("-py3-none-any.whl")
    python = _install(pure_wheel, tmp_path / "env")
    _works(python)
    assert _clean(python, "-c", _TWIN).stdout.strip() == "False"


def test_wheel_with_the_c_twin_installs_and_works(twin_wheel: Path, tmp_path: Path) -> None:
    assert "-cp311-abi3-" in twin_wheel.name
    python = _install(twin_wheel, tmp_path / "env")
    _works(python)
    assert _clean(python, "-c", _TWIN).stdout.strip() == "True"
    done = _clean(python, "-c", "import tournee.b2._ctwin as t; print(t.__file__)")
    assert done.returncode == 0, done.stderr
    assert ".abi3." in done.stdout


def test_wheels_differ_only_by_the_twin(pure_wheel: Path, twin_wheel: Path) -> None:
    def contents(wheel: Path) -> set[str]:
        names = set(zipfile.ZipFile(wheel).namelist())
        return {n for n in names if not n.endswith(("/WHEEL", "/RECORD"))}

    more = contents(twin_wheel) - contents(pure_wheel)
    assert len(more) == 1
    assert next(iter(more)).startswith("tournee/b2/_ctwin.")
    assert contents(pure_wheel) <= contents(twin_wheel)


def test_wheel_holds_every_file_of_its_packages_and_no_source_of_c(tree: Path, pure_wheel: Path) -> None:
    names = set(zipfile.ZipFile(pure_wheel).namelist())
    packages = [
        "protocol/tournee_protocol",
        "host/tournee",
        "simulator/tournee_sim",
        "simulator/tournee_bleak_hci",
        "firmware/tournee_fw",
    ]
    for package in packages:
        base = (tree / package).parent
        for file in (tree / package).rglob("*"):
            if file.is_file() and file.suffix not in (".c", ".h", ".so"):
                assert file.relative_to(base).as_posix() in names
    assert not [n for n in names if n.endswith((".c", ".h")) or n.startswith("tests")]


def test_sdist_holds_the_tests_and_the_way_to_run_them(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "Makefile",
        "hatch_build.py",
        "tests/setup/bootstrap.py",
        "tests/conftest.py",
        "docs/ACCEPTANCE.toml",
        "LICENSE",
    } <= names
    assert not [n for n in names if n.endswith(".so") or n.startswith((".venv", "out/"))]


def test_a_broken_compiler_is_an_error_only_where_the_twin_is_required(tree: Path, tmp_path: Path) -> None:
    done = _build(tree, tmp_path / "required", "wheel", TOURNEE_REQUIRE_C="1", CC="false")
    assert done.returncode != 0
    assert not list((tmp_path / "required").glob("*.whl"))
    done = _build(tree, tmp_path / "optional", "wheel", CC="false")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "C twin not built" in done.stdout + done.stderr
    assert next((tmp_path / "optional").glob("*.whl")).name.endswith("-py3-none-any.whl")
