"""The package build: write the generated files, compile the core, or say why it stays interpreted.

Room: a build hook of hatchling, run by pip for a wheel and for an editable install; not part of the wheel.
Takes the names of the compiled modules from `_form.py` and the generated files from `codegen.py`, both loaded
by file path, for the package cannot be imported before it is built. The modules with the loops over rows are
compiled once more for each level of x86-64 processors, under names of their own (`products_v3`), from the one
source; which of them runs is chosen when the program package is imported.
Must hold: everything is made in a temporary folder, so that a build takes nothing from an earlier one and
leaves nothing beside the source but (editable) the generated files and the compiled modules, which are
git-ignored. Where nothing can be compiled the package is whole all the same, and
where a level cannot it is left out, unless MINIGRAD_REQUIRE_COMPILED=1 asks for an error;
MINIGRAD_INTERPRETED=1 compiles nothing, by choice.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
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

#: Added for a module of its own needs; see their rooms. Never -ffinite-math-only: inf and nan come through.
MORE_FLAGS = {
    "program.kernels": ["-fno-math-errno", "-fno-trapping-math"],
    "program.products": [
        "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math", "-ffp-contract=fast",
    ],
}  # fmt: skip

#: The levels of x86-64 and what GCC and Clang call them: AVX2 with fused multiply-add, and AVX-512.
LEVEL_FLAGS = {
    "v3": ["-march=x86-64-v3"],
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}


class CoreBuildHook(BuildHookInterface[Any]):
    """Adds the generated files and the compiled modules to a wheel, or puts them into the source tree."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is put together; `version` is "standard" or "editable"."""
        package = Path(self.root) / "minigrad"
        self._folder = tempfile.TemporaryDirectory(prefix="minigrad-build-")
        stage = Path(self._folder.name)
        made = _generate(package, stage / "minigrad")
        made.update(_compile_if_possible(stage, _load(package / "_form.py").COMPILED_MODULES))
        if version == "editable":
            _replace_in_tree(package, made)
            return
        build_data["force_include"].update({str(path): f"minigrad/{name}" for name, path in made.items()})
        if any(path.suffix in (".so", ".pyd") for path in made.values()):
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


def _by_name(paths: Iterable[Path], folder: Path) -> dict[str, Path]:
    """Files by their names relative to the package: "program/kernels.py"."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}


def _generate(package: Path, copy: Path) -> dict[str, Path]:
    """Copy the sources to `copy`, write the generated files there, and return them by name."""
    shutil.copytree(
        package, copy, ignore=shutil.ignore_patterns("__pycache__", "data", "*.so", "*.pyd", "*.pyi")
    )
    return _by_name(_load(package / "codegen.py").write(copy), copy)


def _asked(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


def _compile_if_possible(stage: Path, modules: tuple[str, ...]) -> dict[str, Path]:
    """The compiled modules by name, or none and a notice that says why."""
    required, unwanted = _asked("MINIGRAD_REQUIRE_COMPILED"), _asked("MINIGRAD_INTERPRETED")
    if required and unwanted:
        raise SystemExit(
            "MINIGRAD_INTERPRETED and MINIGRAD_REQUIRE_COMPILED contradict each other: unset one"
        )
    if unwanted:
        print("minigrad: MINIGRAD_INTERPRETED is set, nothing is compiled", file=sys.stderr)
        return {}
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
        return {}


def _leveled(stage: Path, modules: tuple[str, ...]) -> dict[str, str]:
    """Copy the sources that are compiled for levels, where there are such; return {copy: level}."""
    if not sysconfig.get_platform().endswith(("x86_64", "amd64")) or sys.platform == "win32":
        return {}
    copies = {}
    for name in MORE_FLAGS.keys() & set(modules):
        for level in LEVEL_FLAGS:
            copies[f"{name}_{level}"] = level
            source = stage.joinpath("minigrad", *name.split("."))
            for ending in (".py", ".pxd"):
                target = source.with_name(f"{source.name}_{level}{ending}")
                shutil.copyfile(source.with_suffix(ending), target)
    return copies


def _flags(name: str, levels: dict[str, str], msvc: bool) -> list[str]:
    """What the compiler is told for the module minigrad.<name>."""
    if msvc:
        return MSVC_FLAGS
    level = levels.get(name, "")
    more = MORE_FLAGS.get(name.removesuffix(f"_{level}"), [])
    return UNIX_FLAGS + more + LEVEL_FLAGS.get(level, [])


def _compile(stage: Path, modules: tuple[str, ...]) -> dict[str, Path]:
    """Translate and compile all the modules or none; a level may be missing."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    from Cython.Build import cythonize  # isort: skip  (setuptools provides distutils and comes first)

    windows = sys.platform == "win32"
    levels = _leveled(stage, modules)

    class Build(build_ext):  # type: ignore[misc]
        def build_extensions(self) -> None:
            msvc = self.compiler.compiler_type == "msvc"
            for extension in self.extensions:
                name = extension.name.removeprefix("minigrad.")
                extension.extra_compile_args = _flags(name, levels, msvc)
                extension.optional = name in levels and not _asked("MINIGRAD_REQUIRE_COMPILED")
            super().build_extensions()

    with contextlib.chdir(stage):  # relative paths only, so that no path of this machine gets into the files
        extensions = cythonize(  # type: ignore[no-untyped-call]
            [
                Extension(
                    f"minigrad.{name}",
                    [f"minigrad/{name.replace('.', '/')}.py"],
                    libraries=[] if windows else ["m"],
                    extra_link_args=["-Wl,-s"] if sys.platform == "linux" else [],
                )
                for name in (*modules, *levels)
            ],
            compiler_directives=DIRECTIVES,
            nthreads=os.cpu_count() if sys.platform == "linux" else 0,
            quiet=True,
        )
        command = Build(Distribution({"name": "minigrad", "ext_modules": extensions}))
        command.build_lib, command.build_temp = "lib", "temp"
        command.parallel = True
        command.ensure_finalized()
        command.run()
    folder = stage / "lib" / "minigrad"
    compiled = _by_name((path for path in folder.rglob("*") if path.is_file()), folder)
    for name in levels:
        if not any(file.startswith(name.replace(".", "/") + ".") for file in compiled):
            print(f"minigrad: {name} could not be compiled and is left out", file=sys.stderr)
    return compiled


def _replace_in_tree(package: Path, made: dict[str, Path]) -> None:
    """Editable: put what was made beside the source, in place of what an earlier build left there."""
    for name in _load(package / "_form.py").COMPILED_MODULES:
        place = package.joinpath(*name.split("."))
        for stem in (place.name, *(f"{place.name}_{level}" for level in LEVEL_FLAGS)):
            for ending in (".*.so", ".*.pyd", ".so", ".pyd"):
                for old in place.parent.glob(stem + ending):
                    old.unlink()  # also those for another Python: they would be older than the source
    for name, path in made.items():
        target = package / name
        if not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copyfile(path, target)
