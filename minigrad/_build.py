"""The package build: write the generated files, compile the core, or say why it stays interpreted.

Room: a build hook of hatchling, run by pip for a wheel and for an editable install; not part of the wheel.
Takes the names of the compiled modules from `_form.py` and the generated files from `codegen.py`, both loaded
by file path, for the package cannot be imported before it is built.
Must hold: everything is made in a temporary folder, so that a build takes nothing from an earlier one and
leaves nothing beside the source but (editable) the generated files and the compiled modules, which are
git-ignored. Where nothing can be compiled the package is whole all the same, unless
MINIGRAD_REQUIRE_COMPILED=1 asks for an error; MINIGRAD_INTERPRETED=1 compiles nothing, by choice.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: How the core is translated: C's arithmetic and indexing, Python's text.
DIRECTIVES = {
    "language_level": 3,
    "cdivision": True,  # 1 / 0 is inf
    "cpow": True,  # (-1) ** 0.5 is nan, not complex
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
}

#: How it is compiled. Fused multiply-add would break the error-free transformations in `numeric`, and
#: -march=native a wheel that is carried to another machine.
UNIX_FLAGS = ["-O3", "-ffp-contract=off", "-fvisibility=hidden", "-g0"]
MSVC_FLAGS = ["/O2", "/fp:precise"]


class CoreBuildHook(BuildHookInterface[Any]):
    """Adds the generated files and the compiled modules to a wheel, or puts them into the source tree."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is put together; `version` is "standard" or "editable"."""
        package = Path(self.root) / "minigrad"
        self._folder = tempfile.TemporaryDirectory(prefix="minigrad-build-")
        stage = Path(self._folder.name)
        made = _generate(package, stage / "minigrad")
        compiled = _compile_if_possible(stage, _load(package / "_form.py").COMPILED_MODULES)
        if version == "editable":
            _replace_in_tree(package, {path: path.relative_to(stage / "minigrad") for path in made}, compiled)
            return
        build_data["force_include"].update(
            {str(path): f"minigrad/{path.relative_to(stage / 'minigrad')}" for path in made}
        )
        build_data["force_include"].update({str(path): f"minigrad/{path.name}" for path in compiled})
        if compiled:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called after the wheel has been written."""
        self._folder.cleanup()


def _load(path: Path) -> ModuleType:
    """A module of the package by its file, without running the package's __init__."""
    spec = importlib.util.spec_from_file_location(f"_minigrad_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _generate(package: Path, copy: Path) -> list[Path]:
    """Copy the sources to `copy`, write the generated files there, and return their paths."""
    shutil.copytree(
        package, copy, ignore=shutil.ignore_patterns("__pycache__", "data", "*.so", "*.pyd", "*.pyi")
    )
    made: list[Path] = _load(package / "codegen.py").write(copy)
    return made


def _asked(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


def _compile_if_possible(stage: Path, modules: tuple[str, ...]) -> list[Path]:
    """The compiled modules, or an empty list and a notice that says why."""
    required, unwanted = _asked("MINIGRAD_REQUIRE_COMPILED"), _asked("MINIGRAD_INTERPRETED")
    if required and unwanted:
        raise SystemExit(
            "MINIGRAD_INTERPRETED and MINIGRAD_REQUIRE_COMPILED contradict each other: unset one"
        )
    if unwanted:
        print("minigrad: MINIGRAD_INTERPRETED is set, nothing is compiled", file=sys.stderr)
        return []
    try:
        return _compile(stage, modules)
    except Exception as reason:  # whatever keeps a compiler from working must not keep minigrad from working
        if required:
            raise
        print(
            "\n"
            f"minigrad: the core was NOT compiled: {type(reason).__name__}: {reason}\n"
            "minigrad: the package is complete and gives the same results, some 20 times slower.\n"
            "minigrad: to compile it, install a C compiler and Python's headers (Debian: apt install gcc\n"
            "minigrad: python3-dev; macOS: xcode-select --install; Windows: Visual Studio Build Tools)\n"
            "minigrad: and install minigrad again. MINIGRAD_REQUIRE_COMPILED=1 makes this an error.\n",
            file=sys.stderr,
        )
        return []


def _compile(stage: Path, modules: tuple[str, ...]) -> list[Path]:
    """Translate and compile all the modules or none."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    from Cython.Build import cythonize  # isort: skip  (setuptools provides distutils and comes first)

    windows = sys.platform == "win32"

    class Build(build_ext):  # type: ignore[misc]
        def build_extensions(self) -> None:
            msvc = self.compiler.compiler_type == "msvc"
            for extension in self.extensions:
                extension.extra_compile_args = MSVC_FLAGS if msvc else UNIX_FLAGS
            super().build_extensions()

    with contextlib.chdir(stage):  # relative paths only, so that no path of this machine gets into the files
        extensions = cythonize(  # type: ignore[no-untyped-call]
            [
                Extension(
                    f"minigrad.{name}",
                    [f"minigrad/{name}.py"],
                    libraries=[] if windows else ["m"],
                    extra_link_args=["-Wl,-s"] if sys.platform == "linux" else [],
                )
                for name in modules
            ],
            compiler_directives=DIRECTIVES,
            quiet=True,
        )
        command = Build(Distribution({"name": "minigrad", "ext_modules": extensions}))
        command.build_lib, command.build_temp = "lib", "temp"
        command.parallel = True
        command.ensure_finalized()
        command.run()
    return sorted(path for path in (stage / "lib" / "minigrad").iterdir() if path.is_file())


def _replace_in_tree(package: Path, made: dict[Path, Path], compiled: list[Path]) -> None:
    """Editable: put what was made beside the source, in place of what an earlier build left there."""
    for path, place in made.items():
        target = package / place
        if not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copyfile(path, target)
    for name in _load(package / "_form.py").COMPILED_MODULES:
        for ending in (".*.so", ".*.pyd", ".so", ".pyd"):
            for old in package.glob(name + ending):
                old.unlink()  # also those for another Python: they would be older than the source
    for path in compiled:
        shutil.copyfile(path, package / path.name)
