"""Calls that the conference has made: ordered, rung, answered or not, ended."""

import asyncio
from dataclasses import replace

import pytest

from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import DialLimits
from gateway.calls.dialler import JOIN_WITHIN
from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.record import Direction
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip.liaison import ServiceRoute
from gateway.sip.locate import Destination
from tests.calls.dialling_scene import (
    ANSWER,
    CREDENTIALS,
    THROUGH,
    scene,
)
from tests.conference.world import LOBBY, ROOM, World, error, members_only, settle
from tests.xmpp.virtual_time import in_virtual_time


@in_virtual_time
async def test_whoever_is_called_does_not_learn_a_caller_that_is_withheld(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = replace(THROUGH, caller="+4399", assert_identity=True, withhold_caller=True)
    async with scene(monkeypatch, through=through) as it:
        await it.order()
        await settle(1)
        assert it.phone.caller == '"Anonymous" <sip:anonymous@anonymous.invalid>'
        assert it.phone.headers["P-Asserted-Identity"] == "<sip:+4399@192.0.2.9>"
        assert it.phone.headers["Privacy"] == "id"
        it.phone.fails(486)
        await it.over()


@in_virtual_time
async def test_a_call_joins_rings_is_answered_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        answer = await it.order(headers="<header name='X-Who' value='ann&#10;x'/>")
        reference = answer.find("{urn:xmpp:rayo:1}ref")
        assert reference is not None
        assert reference.get("uri") == f"xmpp:{ROOM}/{it.world.stream.nick}"
        join = it.world.stream.of("join")[0].stanza
        shown = join.findall(".//{urn:xmpp:rayo:1}header")
        headers = {header.get("name"): header.get("value") for header in shown}
        assert headers["JigasiCallDirection"] == "out"
        assert "X-Who" in headers
        await settle(1)
        assert it.phone.target == "sip:+431234@192.0.2.9"
        assert it.phone.headers == {"Jitsi-Conference-Room": ROOM, "X-Who": "ann x"}
        assert it.phone.credentials == CREDENTIALS
        assert it.status == "Initializing Call"
        it.phone.rings()
        await settle(1)
        assert it.status == "Ringing"
        assert it.connected() == 0
        it.phone.answers()
        await settle(1)
        assert it.status == "Connected"
        assert it.connected() == 1
        (record,) = it.switchboard.calls
        assert (record.direction, record.called) == (Direction.OUT, "+431234")
        it.phone.goes()
        assert await it.over() is EndReason.CALLER_HUNG_UP
        assert it.phone.done == []


@in_virtual_time
async def test_a_trunk_that_we_have_registered_at_is_called_by_the_service_route_it_has_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        edge = Destination("tcp", "edge.test", 5070)
        it.service_route = ServiceRoute(edge, ("<sip:edge.test;lr>", "<sip:core.test;lr>"))
        await it.order()
        await settle(1)
        assert it.sought == [edge]
        assert it.gone_by == ["<sip:edge.test;lr>", "<sip:core.test;lr>"]
        assert it.phone.target == "sip:+431234@192.0.2.9"
        it.phone.fails(486)
        await it.over()


@pytest.mark.parametrize(
    ("status", "cause", "reason", "shown"),
    [
        (486, "", EndReason.BUSY, "Busy"),
        (600, "", EndReason.BUSY, "Busy"),
        (603, "", EndReason.DECLINED, "Declined"),
        (608, "", EndReason.DECLINED, "Declined"),
        (480, "", EndReason.NO_ANSWER, "No answer"),
        (408, "", EndReason.NO_ANSWER, "No answer"),
        (404, "", EndReason.NO_SUCH_NUMBER, "No such number"),
        (503, "", EndReason.CALL_FAILED, "Call failed"),
        (407, "", EndReason.CALL_FAILED, "Call failed"),
        (403, "Q.850;cause=21", EndReason.DECLINED, "Declined"),
        (603, "q.850;cause=19", EndReason.NO_ANSWER, "No answer"),
        (500, "Q.850;cause=17", EndReason.BUSY, "Busy"),
        (403, "Q.850;cause=28", EndReason.NO_SUCH_NUMBER, "No such number"),
        (603, "Q.850;cause=16", EndReason.DECLINED, "Declined"),
        (503, "SIP;cause=21", EndReason.CALL_FAILED, "Call failed"),
    ],
)
def test_what_became_of_the_call_is_shown_for_a_moment(
    status: int, cause: str, reason: EndReason, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.rings()
            it.phone.fails(status, reason=cause)
            await settle(1)
            assert it.status == shown
            assert len(it.switchboard.calls) == 1
            assert await it.over() is reason

    run()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('Q.850;cause=127;text="INTERWORKING"', EndReason.CALL_FAILED),
        ('Q.850;cause=50;text="FACILITY_NOT_SUBSCRIBED"', EndReason.CALL_FAILED),
        ('Q.850;cause=20;text="SUBSCRIBER_ABSENT"', EndReason.NO_ANSWER),
        ("SIP;cause=480", EndReason.NO_ANSWER),
    ],
)
def test_trouble_of_the_network_is_no_callee_that_does_not_answer(
    said: str, reason: EndReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.fails(480, "Temporarily Unavailable", said)
            assert await it.over() is reason

    run()


@pytest.mark.parametrize("status", [401, 403, 407])
def test_the_operator_is_told_where_to_look_when_a_trunk_refuses_us(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.fails(status, "Forbidden")
            assert await it.over() is EndReason.CALL_FAILED
            end = it.records[-1].end
            assert end is not None
            assert end.text.startswith(f"{status} Forbidden: ")

    run()


@in_virtual_time
async def test_a_mistake_of_ours_leaves_no_phone_on_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.answers()
        await settle(1)
        it.phone.does_what_nobody_expects()
        assert await it.over() is EndReason.INTERNAL_ERROR
        assert it.phone.done == ["hung up 500"]


@in_virtual_time
async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings()
        await settle(THROUGH.ringing_timeout)
        assert it.status == "No answer"
        assert it.phone.done == ["hung up 480"]
        assert await it.over() is EndReason.NO_ANSWER


@in_virtual_time
async def test_who_is_kicked_while_it_rings_rings_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings()
        await settle(1)
        it.world.removes_us("<status code='307'/>")
        await settle(0.1)
        assert it.phone.done == ["hung up 403"]
        assert await it.over() is EndReason.KICKED


@in_virtual_time
async def test_a_moderator_hangs_the_phone_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(occupants={"alice": "Alice"})
    async with scene(monkeypatch, world) as it:
        await it.order()
        await settle(1)
        it.phone.answers()
        await settle(1)
        asked = world.request("<hangup xmlns='urn:xmpp:rayo:1'/>", sender=f"{ROOM}/alice")
        await settle(0.1)
        refused = [s.stanza for s in world.stream.sent if s.stanza.get("id") == asked][-1]
        assert refused.find(".//{*}forbidden") is not None  # she is no moderator
        asked = world.request("<hangup xmlns='urn:xmpp:rayo:1'/>")
        await settle(0.1)
        granted = [s.stanza for s in world.stream.sent if s.stanza.get("id") == asked][-1]
        assert granted.get("type") == "result"
        assert it.phone.done == ["hung up 200"]
        assert await it.over() is EndReason.HUNG_UP


@in_virtual_time
async def test_early_media_is_for_the_conference_only_if_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for wanted in (False, True):
        through = DialOut("192.0.2.9", ("+43",), early_media=wanted)
        async with scene(monkeypatch, through=through) as it:
            await it.order()
            await settle(1)
            it.phone.rings(ANSWER)
            await settle(1)
            assert it.connected() == int(wanted)
            assert not wanted or it.agreed.is_early
            it.phone.answers(None)  # what the early answer said holds
            await settle(1)
            assert it.status == "Connected"
            assert it.connected() == 1 + int(wanted)
            assert not it.agreed.is_early


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (ANSWER.replace(b"4000", b"0"), EndReason.NO_COMMON_CODEC),
        (b"hello", EndReason.BAD_DESCRIPTION),
        (None, EndReason.BAD_DESCRIPTION),
    ],
)
@in_virtual_time
async def test_a_phone_that_says_only_early_what_cannot_be_served_is_hung_up_for_that(
    monkeypatch: pytest.MonkeyPatch, said: bytes | None, reason: EndReason
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings(said)
        it.phone.answers(None)
        assert await it.over() is reason


@in_virtual_time
async def test_a_trunk_that_is_not_reached_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        it.unreachable = True
        await it.order()
        await settle(1)
        assert it.status == "Call failed"
        assert await it.over() is EndReason.CALL_FAILED


@pytest.mark.parametrize(
    ("status", "text"), [(408, "the trunk does not answer"), (503, "the trunk is not reached")]
)
def test_a_trunk_that_says_nothing_is_no_callee_that_does_not_answer(
    status: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.is_lost(status)
            await settle(1)
            assert it.status == "Call failed"
            assert await it.over() is EndReason.CALL_FAILED
            assert it.records[-1].end == CallEnd(EndReason.CALL_FAILED, text)

    run()


@in_virtual_time
async def test_who_has_to_wait_in_the_lobby_is_named_there(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(occupants={"alice": "Alice"}, joins=[members_only()])
    async with scene(monkeypatch, world) as it:
        answer = await it.order()
        reference = answer.find("{urn:xmpp:rayo:1}ref")
        assert reference is not None
        assert reference.get("uri") == f"xmpp:{LOBBY}/{world.stream.nick}"
        assert it.phones == []
        world.invites_us()
        await settle(1)
        assert len(it.phones) == 1


@in_virtual_time
async def test_redirected_calls_follow_to_numbers_that_may_be_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        # The host is the trunk's whatever is named; other countries are not called.
        it.phone.redirects("sip:+4911@evil.test", "sip:0043-5678@evil.test", "tel:+439999")
        await settle(1)
        assert [phone.target for phone in it.phones[1:]] == ["sip:+435678@192.0.2.9"]
        it.phone.fails(480)
        await settle(1)
        assert it.phone.target == "sip:+439999@192.0.2.9"
        it.phone.answers()
        await settle(1)
        assert it.status == "Connected"
        it.phone.goes()
        assert await it.over() is EndReason.CALLER_HUNG_UP


@pytest.mark.parametrize("status", [488, 606])
def test_a_trunk_that_refuses_keys_beside_a_plain_profile_is_called_without(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """As FreeSWITCH does: "a=crypto in RTP/AVP, refer to rfc3711"."""

    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.fails(status, "Not Acceptable Here")
            await settle(1)
            assert [b"a=crypto" in phone.offer for phone in it.phones] == [True, False]
            assert [phone.target for phone in it.phones] == ["sip:+431234@192.0.2.9"] * 2
            it.phone.answers()
            await settle(1)
            assert it.status == "Connected"
            it.phone.goes()
            assert await it.over() is EndReason.CALLER_HUNG_UP

    run()


def test_a_phone_that_takes_encrypted_calls_only_is_offered_a_secure_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As pjsua and Linphone do where encryption is mandatory."""

    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            for _ in range(2):
                await settle(1)
                it.phone.fails(488, "Not Acceptable Here")
            await settle(1)
            assert [b"RTP/SAVP " in phone.offer for phone in it.phones] == [False, False, True]
            assert b"a=crypto" in it.phone.offer
            it.phone.fails(488, "Not Acceptable Here")
            assert await it.over() is EndReason.CALL_FAILED
            assert len(it.phones) == 3

    run()


@pytest.mark.parametrize("srtp", [SrtpPolicy.OFF, SrtpPolicy.REQUIRED])
def test_a_trunk_that_refuses_what_is_settled_is_called_once(
    monkeypatch: pytest.MonkeyPatch, srtp: SrtpPolicy
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch, srtp=srtp) as it:
            await it.order()
            await settle(1)
            it.phone.fails(488, "Not Acceptable Here")
            assert await it.over() is EndReason.CALL_FAILED
            assert len(it.phones) == 1

    run()


@pytest.mark.parametrize("uris", [["sip:+491@192.0.2.9"], ["sip:bob@192.0.2.9"], []])
def test_a_call_redirected_to_nobody_who_may_be_called_has_failed(
    monkeypatch: pytest.MonkeyPatch, uris: list[str]
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.redirects(*uris)
            assert await it.over() is EndReason.CALL_FAILED
            assert len(it.phones) == 1

    run()


@pytest.mark.parametrize(
    ("order", "condition"),
    [
        ({"to": "alice"}, "bad-request"),
        ({"to": "+491"}, "forbidden"),
        ({"to": "jitsi_meet_transcribe"}, "feature-not-implemented"),
        ({"room": "r@conference.evil.test"}, "item-not-found"),
    ],
)
def test_what_may_not_be_dialled_is_not(
    order: dict[str, str], condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            assert await it.refusal(**order) == condition
            assert it.world.streams == []
            assert it.switchboard.calls == ()

    run()


@in_virtual_time
async def test_there_are_no_more_calls_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, limits=DialLimits(per_room=1)) as it:
        await it.order()
        assert await it.refusal() == "resource-constraint"
        await settle(1)
        it.phone.fails(486)
        await it.switchboard.emptied()
        await it.order()
        it.is_draining = True
        assert await it.refusal(room="other@conference.meet.test") == "service-unavailable"
    async with scene(monkeypatch) as it:
        for _ in range(3):
            await it.order()
        assert await it.refusal() == "service-unavailable"


@in_virtual_time
async def test_a_room_that_does_not_let_us_in_in_time_is_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for world in (
        World(joins=[None] * 9),
        World(conference=[error("auth", "not-authorized")] * 99),
    ):
        async with scene(monkeypatch, world) as it:
            began = asyncio.get_running_loop().time()
            assert await it.refusal() == "internal-server-error"
            assert asyncio.get_running_loop().time() - began <= JOIN_WITHIN + 0.1
            assert await it.over() is EndReason.CONFERENCE_TIMEOUT
            assert it.phones == []


@in_virtual_time
async def test_a_room_that_refuses_us_is_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, World(joins=[error("auth", "forbidden")])) as it:
        assert await it.refusal() == "internal-server-error"
        assert await it.over() is EndReason.BANNED


@in_virtual_time
async def test_a_gateway_that_goes_down_lets_nothing_ring_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings()
        await settle(1)
    assert it.phone.done == ["hung up 503"]
    assert await it.over() is EndReason.SHUTDOWN


@in_virtual_time
async def test_nobody_is_dialled_through_a_trunk_that_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        it.is_down = True
        assert await it.refusal() == "service-unavailable"
        assert it.switchboard.calls == ()


@in_virtual_time
async def test_a_trunks_limit_is_for_calls_that_go_out_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch, max_calls=1) as it:
        await it.order()
        assert await it.refusal() == "service-unavailable"
        assert len(it.switchboard.calls) == 1


@in_virtual_time
async def test_a_trunks_own_headers_are_added_and_nobody_else_sets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = replace(THROUGH, headers=(("X-Account", "4711"), ("Privacy", "none")))
    async with scene(monkeypatch, through=through) as it:
        await it.order(headers="<header name='x-account' value='mine'/>")
        await settle(1)
        own = {"X-Account": "4711", "Privacy": "none"}
        assert it.phone.headers == {"Jitsi-Conference-Room": ROOM, **own}
