"""Types of flat.py: what Python sees of it."""

from types import ModuleType

def use(kernels: ModuleType, products: ModuleType, /) -> None:
    """Take the kernels from these modules."""
