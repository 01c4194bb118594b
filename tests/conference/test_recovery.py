import pytest

from gateway.conference.recovery import (
    BRIDGE_PATIENCE,
    RETURN_PATIENCE,
    MediaRecovery,
    RejoinLimit,
    Remedy,
    RestartLimit,
    offer_due,
)
from gateway.xmpp.jingle import Reason


def test_restarts_keep_the_distance_that_the_focus_wants() -> None:
    limit = RestartLimit()
    assert limit.allow(0.0)
    assert not limit.allow(5.0)  # Jicofo's limit, and no margin
    assert limit.allow(5.5)


def test_there_are_five_restarts_in_a_minute_and_no_sixth() -> None:
    limit = RestartLimit()
    assert [limit.allow(at) for at in (0, 6, 12, 18, 24, 30, 60)] == [True] * 5 + [False] * 2
    assert limit.allow(61.0)
    assert not limit.allow(66.6)  # the second of those five is not a minute old


def test_what_was_not_allowed_does_not_count() -> None:
    limit = RestartLimit()
    assert limit.allow(0.0)
    assert not limit.allow(3.0)
    assert limit.allow(6.0)


def test_media_that_breaks_is_restarted_within_the_limits_and_else_rejoined() -> None:
    recovery = MediaRecovery()
    assert recovery.lost(0.0, was_connected=True) is Remedy.RESTART
    recovery.connected()
    assert recovery.lost(2.0, was_connected=True) is Remedy.REJOIN
    assert recovery.lost(9.0, was_connected=True) is Remedy.RESTART


def test_media_that_never_comes_up_gets_one_more_chance() -> None:
    recovery = MediaRecovery()
    assert recovery.lost(0.0, was_connected=False) is Remedy.RESTART
    assert recovery.lost(20.0, was_connected=False) is Remedy.GIVE_UP


def test_media_that_has_come_up_meanwhile_gets_another_chance() -> None:
    recovery = MediaRecovery()
    recovery.lost(0.0, was_connected=False)
    recovery.connected()
    assert recovery.lost(20.0, was_connected=False) is Remedy.RESTART


def test_media_that_was_there_may_stay_away_for_as_long_as_a_server_may() -> None:
    recovery = MediaRecovery()
    recovery.connected()
    assert recovery.lost(1000.0, was_connected=True) is Remedy.RESTART
    times = (1015.0, 1030.0, 1045.0, 1060.0, 1075.0, 1000.0 + RETURN_PATIENCE)
    assert {recovery.lost(at, was_connected=False) for at in times} == {Remedy.RESTART}
    assert recovery.lost(1001.0 + RETURN_PATIENCE, was_connected=False) is Remedy.GIVE_UP


def test_media_that_goes_again_may_stay_away_for_as_long_as_the_first_time() -> None:
    recovery = MediaRecovery()
    recovery.connected()
    recovery.lost(0.0, was_connected=True)
    recovery.connected()
    recovery.lost(1000.0, was_connected=True)
    assert recovery.lost(1100.0, was_connected=False) is Remedy.RESTART


def test_a_missing_videobridge_is_waited_for_longer_after_the_first_time() -> None:
    recovery = MediaRecovery()
    first, later = BRIDGE_PATIENCE
    assert [recovery.bridge_patience() for _ in range(3)] == [first, later, later]
    recovery.connected()
    assert recovery.bridge_patience() == first


def test_a_call_rejoins_three_times_in_ten_minutes_with_growing_pauses() -> None:
    limit = RejoinLimit()
    assert [limit.pause(now) for now in (0.0, 10.0, 20.0, 30.0)] == [1.0, 4.0, 10.0, None]
    assert limit.pause(600.5) == 10.0  # the first is forgotten, the other two are not
    assert limit.pause(600.6) is None
    assert limit.pause(2000.0) == 1.0


@pytest.mark.parametrize(
    ("reason", "due"),
    [
        (Reason("expired", "Idle session timeout"), False),
        (Reason("success", "moving"), False),
        (Reason("success"), False),
        (Reason("gone"), False),
        (Reason("general-error", "jingle session failed"), True),
        (Reason("connectivity-error"), True),
        (None, True),
    ],
)
def test_after_a_fault_of_the_focus_an_offer_is_due(reason: Reason | None, due: bool) -> None:
    assert offer_due(reason) is due
