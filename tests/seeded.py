"""Random numbers that are the same in every run; pytest shows the seed of a test that fails."""

from __future__ import annotations

import random

SEED = 20261124


def numbers(count: int) -> random.Random:
    """A generator for about `count` numbers."""
    print(f"seed {SEED}, {count} numbers")
    return random.Random(SEED)
