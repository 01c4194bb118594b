"""How much is tried: of properties where the usual number is too dear, and of what is none.

What lands is tried in full, and everybody else tries less of it (see `tests/conftest.py`).
"""

import math

from hypothesis import settings

_IN_FULL = 100


def at_most(count: int) -> settings:
    """No more than `count`, and no more than the profile has."""
    return settings(max_examples=min(count, settings().max_examples))


def in_proportion(count: int) -> int:
    """All of `count` where properties are tried in full, else as large a part of it as of them."""
    return math.ceil(count * settings().max_examples / _IN_FULL)
