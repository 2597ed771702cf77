"""Which level of the modules with the loops over rows runs on the processor at hand.

Room: the build compiles `kernels` and `products` for any x86-64, for level v3 (AVX2 and fused multiply-add) and for
level v4 (AVX-512); elsewhere once. The highest that the processor has and the build made is taken. MINIGRAD_LEVEL takes
another one: baseline, v3 or v4. Compiled only; the question to the processor is in `processor.pxd`.
"""

import os
from importlib import import_module
from importlib.util import find_spec

#: From the lowest to the highest; each processor of a level has those below.
LEVELS = ("baseline", "v3", "v4")


def available() -> tuple:
    """The levels that this processor has, from the lowest to the highest."""
    return LEVELS[: {0: 1, 3: 2, 4: 3}[minigrad_level()]]


def built() -> tuple:
    """The levels that the build made."""
    return ("baseline", *(level for level in LEVELS[1:] if find_spec(f"minigrad.program.kernels_{level}")
                          and find_spec(f"minigrad.program.products_{level}")))  # fmt: skip


def choose() -> str:
    """The level to run, by MINIGRAD_LEVEL if it is set.

    Raises ImportError where that is no level, or one that this processor or this build does not have.
    """
    asked = os.environ.get("MINIGRAD_LEVEL", "")
    usable = [level for level in available() if level in built()]
    if not asked:
        return max(usable, key=LEVELS.index)
    if asked not in LEVELS:
        raise ImportError(
            f"MINIGRAD_LEVEL={asked!r} is no level: take one of {', '.join(usable)}, or unset it"
        )
    if asked not in usable:
        who = "build" if asked in available() else "processor"
        choice = ", ".join(usable)
        raise ImportError(
            f"MINIGRAD_LEVEL={asked}: this {who} does not have it; take one of {choice}, or unset it"
        )
    return asked


def modules(level: str) -> tuple:
    """The modules `kernels` and `products` of a level."""
    ending = "" if level == "baseline" else f"_{level}"
    return tuple([import_module(f"minigrad.program.{name}{ending}") for name in ("kernels", "products")])
