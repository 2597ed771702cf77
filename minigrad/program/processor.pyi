"""Types of processor.py: what Python sees of it."""

from types import ModuleType

LEVELS: tuple[str, ...]

def available() -> tuple[str, ...]:
    """The levels that this processor has."""

def built() -> tuple[str, ...]:
    """The levels that the build made."""

def choose() -> str:
    """The level to run."""

def modules(level: str) -> tuple[ModuleType, ModuleType]:
    """The modules of a level."""
