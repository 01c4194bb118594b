"""How many examples hypothesis tries where the usual number would be too dear."""

from hypothesis import settings


def at_most(count: int) -> settings:
    """No more than `count`, and no more than the profile has (see `tests/conftest.py`)."""
    return settings(max_examples=min(count, settings().max_examples))
