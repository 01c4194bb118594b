from xml.etree.ElementTree import fromstring

import pytest

from gateway.conference.allocation import Allocation, Redirected
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.conference_request import ConferenceResult
from gateway.xmpp.stanza import NoReply, StanzaError

FOCUS = "http://jitsi.org/protocol/focus"
ROOM = "room@conference.meet.test"
READY = ConferenceResult(ready=True, focus_jid="focus@auth.meet.test")


def allocation(seconds: float = 30.0) -> Allocation:
    return Allocation(ROOM, "machine", deadline=seconds)


def refusal(condition: str, type_: str = "cancel", inside: str = "") -> StanzaError:
    return StanzaError.parse(
        fromstring(
            f"<iq xmlns='jabber:client' type='error'><error type='{type_}'>"
            f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{inside}</error></iq>"
        )
    )


def failure(answer: ConferenceResult | StanzaError | NoReply) -> JoinFailure:
    with pytest.raises(ConferenceError) as refused:
        allocation().answered(answer, 0.0)
    return refused.value.cause


def test_the_request_asks_for_the_room_and_never_for_a_visitors_place() -> None:
    asked = allocation().request.to_element()
    assert asked.attrib == {"room": ROOM, "machine-uid": "machine"}
    assert "visitors" not in {part.get("name") for part in asked}


def test_a_room_that_is_ready_can_be_joined() -> None:
    assert allocation().answered(READY, 0.0) is None


def test_a_conference_that_is_not_ready_is_asked_for_again_at_growing_intervals() -> None:
    asking = allocation(1000)
    waits = [asking.answered(ConferenceResult(ready=False), 0.0) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120]


def test_asking_ends_with_the_deadline() -> None:
    asking = allocation(10)
    assert asking.answered(ConferenceResult(ready=False), 8.0) == 1.0
    with pytest.raises(ConferenceError, match="not ready") as refused:
        asking.answered(ConferenceResult(ready=False), 9.0)
    assert refused.value.cause is JoinFailure.TIMEOUT


def test_who_wants_to_visit_is_redirected_whether_the_room_is_ready_or_not() -> None:
    for ready in (True, False):
        asking = Allocation(ROOM, "machine", deadline=30, visitor=True)
        asked = {part.get("name"): part.get("value") for part in asking.request.to_element()}
        assert asked == {"visitors-version": "1", "visitor": "true"}
        with pytest.raises(Redirected) as redirected:
            asking.answered(ConferenceResult(ready=ready, vnode="v1"), 0.0)
        assert redirected.value.node == "v1"


def test_a_redirection_to_a_visitors_node_was_not_asked_for() -> None:
    redirected = ConferenceResult(ready=True, vnode="v1", focus_jid="focus@v1.meet.test")
    assert failure(redirected) is JoinFailure.REFUSED


def test_who_may_not_open_the_conference_waits_for_a_host() -> None:
    assert failure(refusal("not-authorized", "auth")) is JoinFailure.WAITING_FOR_HOST


def test_a_session_that_has_expired_is_dropped_and_asking_goes_on_at_once() -> None:
    asking = allocation()
    asking.answered(ConferenceResult(ready=False, session_id="s1"), 0.0)
    assert asking.request.session_id == "s1"
    invalid = refusal("not-acceptable", inside=f"<session-invalid xmlns='{FOCUS}'/>")
    assert asking.answered(invalid, 1.0) == 0.0
    assert asking.request.session_id is None
    with pytest.raises(ConferenceError):  # there is none to drop any more
        asking.answered(invalid, 1.0)


def test_a_machine_that_is_not_accepted_is_refused() -> None:
    assert failure(refusal("not-acceptable", "modify")) is JoinFailure.REFUSED


def test_a_request_that_is_bad_is_our_mistake() -> None:
    assert failure(refusal("bad-request", "modify")) is JoinFailure.PROTOCOL


def test_a_reservation_that_is_refused_is_not_asked_for_again() -> None:
    inside = (
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>not before nine</text>"
        f"<reservation-error xmlns='{FOCUS}' error-code='409'/>"
    )
    with pytest.raises(ConferenceError, match=r"409.*not before nine") as refused:
        allocation().answered(refusal("service-unavailable", inside=inside), 0.0)
    assert refused.value.cause is JoinFailure.REFUSED


def test_a_focus_that_is_not_connected_is_asked_again_until_the_deadline() -> None:
    asking = allocation(4)
    assert asking.answered(refusal("service-unavailable"), 0.0) == 1.0
    assert asking.answered(refusal("service-unavailable"), 1.0) == 2.0
    with pytest.raises(ConferenceError) as refused:
        asking.answered(refusal("service-unavailable"), 3.0)
    assert refused.value.cause is JoinFailure.FOCUS_UNAVAILABLE


def test_a_focus_that_is_being_restarted_and_knows_of_no_conferences_yet_is_asked_again() -> None:
    assert allocation().answered(refusal("feature-not-implemented"), 0.0) == 1.0


@pytest.mark.parametrize("condition", ["internal-server-error", "remote-server-timeout"])
def test_what_may_be_better_later_is_asked_again(condition: str) -> None:
    asking = allocation(2)
    assert asking.answered(refusal(condition, "wait"), 0.0) == 1.0
    with pytest.raises(ConferenceError) as refused:
        asking.answered(refusal(condition, "wait"), 1.0)
    assert refused.value.cause is JoinFailure.FOCUS_UNAVAILABLE


@pytest.mark.parametrize("condition", ["item-not-found", "remote-server-not-found"])
def test_without_a_focus_there_is_nobody_to_ask(condition: str) -> None:
    assert failure(refusal(condition)) is JoinFailure.FOCUS_UNAVAILABLE


def test_no_answer_is_asked_again_until_the_deadline() -> None:
    asking = allocation(30)
    assert asking.answered(NoReply("focus did not answer"), 15.0) == 1.0
    with pytest.raises(ConferenceError) as refused:
        asking.answered(NoReply("focus did not answer"), 31.0)
    assert refused.value.cause is JoinFailure.TIMEOUT


@pytest.mark.parametrize("condition", ["not-allowed", "forbidden", "undefined-condition"])
def test_any_other_refusal_is_one(condition: str) -> None:
    assert failure(refusal(condition)) is JoinFailure.REFUSED
