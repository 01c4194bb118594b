"""Who may speak, and what the microphone key does."""

import pytest

from gateway.conference.floor import Floor, Toggled

FREE = Floor(role="participant")
BLOCKED = Floor(role="participant", muted=True, moderated=True)


def test_who_speaks_is_muted_by_the_key_and_unmuted_by_it_again() -> None:
    done, muted = FREE.toggled(7)
    assert (done, muted.muted) == (Toggled.MUTED, True)
    done, unmuted = muted.toggled(8)
    assert (done, unmuted) == (Toggled.UNMUTED, FREE)


def test_who_is_muted_and_may_not_speak_raises_a_hand_and_stays_muted() -> None:
    done, floor = BLOCKED.toggled(7)
    assert done is Toggled.HAND_RAISED
    assert floor.muted and floor.hand_raised_at == 7


def test_a_hand_that_is_up_keeps_its_place_in_the_row() -> None:
    _, floor = BLOCKED.toggled(7)
    assert floor.toggled(99) == (Toggled.HAND_RAISED, floor)


def test_who_still_speaks_under_moderation_is_muted_by_the_key() -> None:
    done, floor = Floor(moderated=True, role="participant").toggled(7)
    assert (done, floor.muted) == (Toggled.MUTED, True)


def test_a_visitor_raises_and_lowers_a_hand_and_never_speaks() -> None:
    done, floor = Floor(role="visitor").toggled(7)
    assert (done, floor.hand_raised_at) == (Toggled.HAND_RAISED, 7)
    done, floor = floor.toggled(8)
    assert (done, floor.hand_raised_at) == (Toggled.HAND_LOWERED, None)
    assert floor.is_blocked


@pytest.mark.parametrize(
    ("floor", "blocked"),
    [
        (Floor(), False),
        (Floor(moderated=True), True),
        (Floor(moderated=True, role="participant"), True),
        (Floor(moderated=True, role="moderator"), False),
        (Floor(moderated=True, approved=True), False),
        (Floor(role="visitor"), True),
    ],
)
def test_moderation_blocks_all_but_moderators_and_those_they_approve(
    floor: Floor, blocked: bool
) -> None:
    assert floor.is_blocked is blocked


def test_where_as_many_speak_as_may_who_is_muted_stays_muted_and_who_speaks_goes_on() -> None:
    full = FREE.with_limit(True)
    assert not full.is_blocked
    done, muted = full.toggled(7)
    assert (done, muted.is_blocked) == (Toggled.MUTED, True)
    done, asking = muted.toggled(8)
    assert (done, asking.muted, asking.hand_raised_at) == (Toggled.HAND_RAISED, True, 8)
    assert asking.with_limit(False).toggled(9) == (Toggled.UNMUTED, FREE)


def test_not_even_a_moderator_speaks_beyond_the_limit() -> None:
    assert Floor(role="moderator", muted=True, limit_reached=True).is_blocked


def test_an_approval_lowers_the_hand_and_unmutes_nobody() -> None:
    _, asking = BLOCKED.toggled(7)
    approved = asking.with_approval(True)
    assert approved.hand_raised_at is None and approved.muted and not approved.is_blocked
    assert approved.toggled(8)[0] is Toggled.UNMUTED


def test_an_approval_does_not_outlive_the_moderation() -> None:
    again = BLOCKED.with_approval(True).with_moderation(False).with_moderation(True)
    assert again.is_blocked


def test_unmuting_lowers_the_hand() -> None:
    assert FREE.with_mute(True).with_hand(7).with_mute(False).hand_raised_at is None


def test_mute_and_hand_go_along_into_another_room_and_its_rules_do_not() -> None:
    _, asking = BLOCKED.toggled(7)
    assert asking.in_another_room() == Floor(muted=True, hand_raised_at=7)
