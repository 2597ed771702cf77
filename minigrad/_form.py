"""Which form of the core is loaded: native code, or the same files interpreted.

Room: run first by `minigrad/__init__.py`. Python prefers a compiled module over the .py file beside it;
MINIGRAD_INTERPRETED=1 asks for the .py files, MINIGRAD_REQUIRE_COMPILED=1 refuses them.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The modules that the build compiles, by their names inside the package.
COMPILED_MODULES = (
    "numeric", "gamma", "sums", "rows", "value", "program.kernels", "program.products", "program.crew",
    "program.processor", "program.steps", "program.flat", "program.layout", "program.native",
)  # fmt: skip


class InterpretedWarning(UserWarning):
    """The core runs interpreted although nobody asked for it: results are the same, slower."""


def _set(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


class _SourceFinder:
    """Finds the .py file of a core module even where a compiled one lies beside it."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, module = name.partition(".")
        if package == __package__ and module in COMPILED_MODULES:
            source = str(Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py"))
            spec = ModuleSpec(name, SourceFileLoader(name, source), origin=source)
            spec.has_location = True
            return spec
        return None


def choose() -> None:
    """Called before the core is imported."""
    if _set("MINIGRAD_INTERPRETED"):
        if _set("MINIGRAD_REQUIRE_COMPILED"):
            raise ImportError(
                "MINIGRAD_INTERPRETED and MINIGRAD_REQUIRE_COMPILED contradict each other: unset one"
            )
        sys.meta_path.insert(0, _SourceFinder)
    elif not Path(__file__).with_name("rows.py").exists():
        raise ImportError(
            "minigrad has not been built here (rows.py is missing): install it with `pip install -e .`, "
            "or run `python minigrad/codegen.py`"
        )


def report(compiled: bool) -> None:
    """Called after the core is imported: says once if it is interpreted and nobody chose that."""
    if compiled or _set("MINIGRAD_INTERPRETED"):
        return
    if _set("MINIGRAD_REQUIRE_COMPILED"):
        raise ImportError(
            "minigrad's core is not compiled, and MINIGRAD_REQUIRE_COMPILED is set: reinstall with a C compiler "
            "present (pip install --force-reinstall --no-binary minigrad minigrad), or unset it"
        )
    warnings.warn(
        "minigrad's core runs interpreted: same results, several times slower. Reinstall it with a C compiler "
        "present to compile it, or set MINIGRAD_INTERPRETED=1 to choose this and silence the message.",
        InterpretedWarning,
        stacklevel=3,
    )
