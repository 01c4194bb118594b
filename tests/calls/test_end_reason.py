import re

import pytest

from gateway.calls.end_reason import CallEnd, EndReason, of_join_failure, of_leaving
from gateway.conference.events import LeaveCause
from gateway.errors import ConferenceError, JoinFailure


def test_every_reason_has_a_label_of_its_own_and_a_status_of_sip() -> None:
    assert len({reason.label for reason in EndReason}) == len(EndReason)
    for reason in EndReason:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.label)
        assert reason.status == 200 or 400 <= reason.status < 700


def test_who_offers_what_nobody_can_do_is_warned_in_words_of_the_rfc() -> None:
    warned = {reason: CallEnd(reason, "").warnings for reason in EndReason}
    assert {reason: fields for reason, fields in warned.items() if fields} == {
        EndReason.NO_COMMON_CODEC: (("Warning", '305 sip-gateway "Incompatible media format"'),),
        EndReason.NO_COMMON_ENCRYPTION: (
            ("Warning", '302 sip-gateway "Incompatible transport protocol"'),
        ),
    }


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (JoinFailure.NOT_FOUND, 404),
        (JoinFailure.PASSWORD, 403),
        (JoinFailure.LOBBY, 480),
        (JoinFailure.WAITING_FOR_HOST, 480),
        (JoinFailure.AUTHENTICATION, 403),
        (JoinFailure.BANNED, 403),
        (JoinFailure.FULL, 486),
        (JoinFailure.ONLY_VISITORS, 486),
        (JoinFailure.NO_VISITORS, 503),
        (JoinFailure.REFUSED, 403),
        (JoinFailure.FOCUS_UNAVAILABLE, 503),
        (JoinFailure.UNREACHABLE, 503),
        (JoinFailure.TIMEOUT, 504),
        (JoinFailure.PROTOCOL, 502),
    ],
)
def test_a_join_that_failed_is_refused_with_the_fitting_status(
    cause: JoinFailure, status: int
) -> None:
    end = of_join_failure(ConferenceError(cause, "the whole story"))
    assert end.reason.status == status
    assert end.text == "the whole story"


def test_every_cause_of_leaving_ends_the_call_for_a_reason() -> None:
    ends = {cause: of_leaving(cause, "words") for cause in LeaveCause}
    assert all(end.text == "words" for end in ends.values())
    assert ends[LeaveCause.KICKED].reason is EndReason.KICKED
    assert ends[LeaveCause.MEETING_ENDED].reason.status == 200  # a normal end
    assert ends[LeaveCause.FOCUS_LOST].reason.status == 503
    assert ends[LeaveCause.CONNECTION_LOST].reason.status == 503


def test_a_cause_without_words_is_its_own_word() -> None:
    assert of_leaving(LeaveCause.KICKED, "").text == "kicked"


def test_every_failure_to_join_has_its_reason() -> None:
    for cause in JoinFailure:
        assert isinstance(of_join_failure(ConferenceError(cause, "")).reason, EndReason)


def test_the_phone_is_told_the_reason_but_not_the_text() -> None:
    reason = CallEnd(EndReason.ROOM_FULL, "room tjoin@conference.meet.test has 100").sip_reason
    assert reason.serialize() == 'SIP;cause=486;text="room full"'
