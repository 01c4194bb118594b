"""Which mapper is asked next, and what comes of it in the end."""

import pytest

from gateway.ivr.mapper_search import PAUSE, Ask, Mapper, MapperSearch

FIRST, SECOND = Mapper("https://first/m"), Mapper("https://second/m", retries=2)
FOUND = b'{"conference": "a@b.c", "id": 1234}'
NONE = b'{"conference": false, "id": 1234}'


def test_the_first_that_knows_is_the_last_that_is_asked() -> None:
    search = MapperSearch((FIRST, SECOND))
    assert search.next() == Ask(FIRST)
    search.answered(200, FOUND)
    assert search.next() is None
    assert search.found is not None and search.found.room == "a@b.c"


def test_who_does_not_know_is_not_asked_again() -> None:
    for answer in ((200, NONE), (404, b"not found")):
        search = MapperSearch((FIRST, SECOND))
        search.next()
        search.answered(*answer)
        assert search.next() == Ask(SECOND)
        search.answered(200, NONE)
        assert search.next() is None
        assert (search.found, search.is_certain, search.failures) == (None, True, [])


def test_who_is_of_no_use_is_asked_again_after_a_pause_and_then_the_next() -> None:
    search = MapperSearch((FIRST, SECOND))
    assert search.next() == Ask(FIRST)
    search.failed("did not answer")
    assert search.next() == Ask(FIRST, PAUSE)
    search.answered(500, b"")
    assert search.next() == Ask(SECOND)
    search.answered(200, FOUND)
    assert search.found is not None
    assert search.failures == [
        "https://first/m: did not answer",
        "https://first/m: answered 500",
    ]


@pytest.mark.parametrize("mappers", [(FIRST, SECOND), (SECOND, FIRST)])
def test_that_nobody_knows_is_uncertain_if_somebody_could_not_say(
    mappers: tuple[Mapper, Mapper],
) -> None:
    search = MapperSearch(mappers)
    while (ask := search.next()) is not None:
        search.answered(200, b"<html>" if ask.mapper is FIRST else NONE)
    assert search.found is None
    assert not search.is_certain


def test_an_answer_to_a_second_attempt_makes_it_certain() -> None:
    search = MapperSearch((FIRST,))
    search.next()
    search.failed("slow")
    search.next()
    search.answered(200, NONE)
    assert search.next() is None
    assert search.is_certain


def test_without_mappers_nobody_knows_for_certain() -> None:
    search = MapperSearch(())
    assert search.next() is None
    assert search.is_certain
