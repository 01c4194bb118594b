"""How many calls a core carries: the search for the highest number that passes. Pure."""

from collections.abc import Callable

_FINEST = 0.02  # of the number itself: figures repeat no better


def highest(carries: Callable[[int], bool], guess: int, *, most: int) -> int:
    """The highest number of calls for which `carries` is true, to 2 %; 0 if there is none.

    Asked about `guess` first, never about more than `most`. What fails once is not asked again, and
    more is taken to fail as well.
    """
    good, bad = 0, most + 1
    tried = min(max(guess, 1), most)
    while bad - good > max(1, round(good * _FINEST)):
        if carries(tried):
            good = tried
            upwards = tried + max(1, tried // 5)
            tried = upwards if upwards < bad else (good + bad) // 2
        else:
            bad = tried
            downwards = tried - max(1, tried // 5)
            tried = downwards if downwards > good else (good + bad) // 2
    return good


def confirmed(carries: Callable[[int], bool], found: int) -> int:
    """The highest number, from `found` downwards in steps of 2 %, that passes a longer trial."""
    calls = found
    while calls > 0 and not carries(calls):
        calls -= max(1, round(calls * _FINEST))
    return calls
