"""Random numbers that are the same in every run; pytest shows the seed of a test that fails."""

from __future__ import annotations

import random

import numpy as np

SEED = 20261124


def numbers(count: int) -> random.Random:
    """A generator for about `count` numbers."""
    print(f"seed {SEED}, {count} numbers")
    return random.Random(SEED)


def generator(*case: int) -> np.random.Generator:
    """NumPy's generator for one case of a test: a different one for each tuple of numbers."""
    print(f"seed {(SEED, *case)}")
    return np.random.default_rng((SEED, *case))
