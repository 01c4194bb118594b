"""What phones do with a call that goes on: refresh it, move, hold; and that they are gone."""

import re
from dataclasses import replace

import pytest

from gateway.calls.end_reason import EndReason
from gateway.calls.trunk import RoomRule
from gateway.conference.profile import ON_HOLD
from gateway.media.messages import Direction, Tone
from gateway.sip import events as sip
from gateway.sip.digest import Credentials
from gateway.sip.referral import ReferTo
from tests.calls.exchange import TRUNK, Exchange, Party, exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.calls.keypad_scene import PIN, reception
from tests.conference.world import LOBBY, World, error, members_only, offer, settle, with_alice
from tests.xmpp.virtual_time import in_virtual_time


async def talking(there: Exchange, phone: FakePhone) -> Party:
    party = await there.call_in(phone)
    await settle(1)
    assert phone.done[-1] == "200"
    return party


@in_virtual_time
async def test_a_call_that_nobody_refreshes_ends_with_that_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        await talking(there, phone)
        phone.tells(sip.SessionExpired)
        await settle(1)
        (record,) = there.ended
        assert record.end is not None and record.end.reason is EndReason.SESSION_EXPIRED


@in_virtual_time
async def test_whoever_calls_through_a_trunk_that_knows_us_may_ask_who_we_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = Credentials("gateway", "secret")
    async with exchange(monkeypatch, trunk=replace(TRUNK, credentials=gateway)) as there:
        phone = FakePhone("room")
        await there.call_in(phone)
        assert phone.knows == gateway


@in_virtual_time
async def test_a_refresh_may_tell_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        phone.tells(sip.OfferAnswered, DESCRIPTION.replace(b"4000", b"4002"))
        await settle(0.1)
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)
        phone.tells(sip.OfferAnswered, DESCRIPTION.replace(b"4000", b"0"))  # makes no sense
        await settle(0.1)
        assert party.media.phone.remote == ("192.0.2.9", 4002)
        assert party.media.phone.direction is Direction.SENDRECV
        assert not there.ended


# --- before the answer --------------------------------------------------------------------------

EARLY = replace(TRUNK, early_media=True)
NOT_READY = (
    "<conference xmlns='http://jitsi.org/protocol/focus' "
    "room='room@conference.meet.test' ready='false'/>"
)


def slow() -> World:
    return with_alice(conference=[NOT_READY])


@in_virtual_time
async def test_callers_may_hear_the_waiting_tone_before_they_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, slow, trunk=EARLY) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(0.2)
        assert phone.done == ["183 with SDP"]
        assert party.media.repeating is Tone.WAITING
        assert party.media.phone is not None
        assert party.media.phone.direction is Direction.SENDONLY  # nobody hears it yet
        await settle(10)
        assert phone.done == ["183 with SDP", "200"]
        assert party.media.repeating is not Tone.WAITING
        assert party.media.phone.direction is Direction.SENDRECV


@in_virtual_time
async def test_callers_without_an_offer_ring_and_hear_nothing_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, trunk=EARLY) as there:
        phone = FakePhone("room", offer=None, answer=DESCRIPTION)
        await there.call_in(phone)
        await settle(1)
        assert phone.done == ["180", "200"]


@in_virtual_time
async def test_who_wants_reliable_ringing_without_an_offer_gets_ours_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, slow) as there:
        phone = FakePhone("room", offer=None, headers="Require: 100rel\r\n")
        party = await there.call_in(phone)
        await settle(0.2)
        assert phone.done == ["180 with SDP"]
        phone.tells(sip.OfferAnswered, DESCRIPTION)  # in the PRACK
        await settle(10)
        assert phone.done == ["180 with SDP", "200"]
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert not there.ended


@in_virtual_time
async def test_an_answer_in_a_prack_that_crosses_ours_is_what_the_call_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The 200 waits for it, and has no description then, nor has the ACK (RFC 3262 3)."""
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room", offer=None, headers="Require: 100rel\r\n")
        party = await there.call_in(phone)
        while phone.done[-1:] != ["200"]:
            await settle(0.01)
        phone.tells(sip.OfferAnswered, DESCRIPTION)  # in the PRACK
        await settle(10)
        assert phone.done == ["180 with SDP", "200"]
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert not there.ended


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"hello", 400),
        (DESCRIPTION.replace(b"4000", b"0"), 488),
        (re.sub(rb"RTP/AVP .*", b"RTP/AVP 18\\r", DESCRIPTION), 488),
    ],
)
@in_virtual_time
async def test_a_bad_answer_in_a_prack_is_the_end_of_a_call_that_rings(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, status: int
) -> None:
    async with exchange(monkeypatch, slow) as there:
        phone = FakePhone("room", offer=None, headers="Require: 100rel\r\n")
        await there.call_in(phone)
        await settle(0.2)
        phone.tells(sip.OfferAnswered, answer)
        await settle(0.1)
        assert phone.done == ["180 with SDP", str(status)]


@in_virtual_time
async def test_a_phone_may_move_before_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch, slow) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(0.2)
        phone.describes(DESCRIPTION.replace(b"4000", b"4002"), by_update=True)
        await settle(0.1)
        assert phone.done == ["180", "200 to UPDATE"]
        assert party.media.phone is None
        await settle(10)
        assert phone.done == ["180", "200 to UPDATE", "200"]
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)


# --- hold ---------------------------------------------------------------------------------------


def status_of(world: World) -> str | None:
    """What the room is shown of the call."""
    shown = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1]
    return shown.stanza.findtext("{jabber:client}status")


HOLDS = {
    "sendonly": DESCRIPTION + b"a=sendonly\r\n",
    "inactive": DESCRIPTION + b"a=inactive\r\n",
    "zeros": DESCRIPTION.replace(b"c=IN IP4 192.0.2.9", b"c=IN IP4 0.0.0.0"),
}


@pytest.mark.parametrize("by_update", [False, True])
@pytest.mark.parametrize("hold", HOLDS)
@in_virtual_time
async def test_a_phone_on_hold_is_muted_and_shown_as_such_until_it_resumes(
    monkeypatch: pytest.MonkeyPatch, hold: str, by_update: bool
) -> None:
    world = with_alice()
    async with exchange(monkeypatch, lambda: world) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        assert not party.media.is_muted
        phone.describes(HOLDS[hold], by_update=by_update)
        await settle(4)
        assert party.media.phone is not None and party.media.phone.is_held
        assert party.media.is_muted
        assert status_of(world) == ON_HOLD
        phone.describes(DESCRIPTION, by_update=by_update)
        await settle(4)
        assert not party.media.phone.is_held
        assert not party.media.is_muted
        assert status_of(world) != ON_HOLD
        assert not there.ended


@in_virtual_time
async def test_an_offer_that_is_being_answered_as_the_pin_is_complete_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = replace(TRUNK, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, trunk=asking, reception=reception()) as there:
        phone = FakePhone("4300", room="")
        party = await talking(there, phone)
        for key in PIN[:-1]:
            there.engine.presses(party.call, key)
        phone.describes(DESCRIPTION.replace(b"4000", b"4002"))
        await settle(0.01)
        there.engine.presses(party.call, PIN[-1])
        await settle(5)
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)
        assert party.record.is_joined


RULES = replace(TRUNK, rules=(RoomRule(re.compile("[a-z]+"), "\\g<0>"),))

# --- another room -------------------------------------------------------------------------------


def sent_to(user: str, host: str = "gateway.test", **headers: str) -> ReferTo:
    return ReferTo(user, host, {name.replace("_", "-"): text for name, text in headers.items()})


@in_virtual_time
async def test_a_phone_is_sent_to_another_room_and_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch, with_alice, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        first = party.world
        assert first is not None
        first.request(offer("one"))
        await settle(1)
        assert party.media.carrier is not None
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(0)
        assert phone.done[-2:] == ["202", "sipfrag 100"]
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert first.stream.closed_at is not None
        second = party.world
        assert second is not None and second is not first
        assert second.room == "hall@conference.meet.test" == party.record.room
        assert party.media.bridges == []
        second.request(offer("two"))
        await settle(1)
        assert party.media.carrier is not None
        assert not there.ended
        phone.goes()
        await settle(5)
        assert party.record.end is not None
        assert party.record.end.reason is EndReason.CALLER_HUNG_UP
        assert there.engine.left_over == []


@in_virtual_time
async def test_a_room_may_be_named_by_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("", jitsi_conference_room="hall"))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert party.record.room == "hall@conference.meet.test"


@pytest.mark.parametrize(
    "target",
    [
        sent_to("hall", "elsewhere.test"),
        sent_to("+43123"),
        sent_to("hall", replaces="call;to-tag=a;from-tag=b"),
        sent_to("", jitsi_conference_room="hall@elsewhere.test"),
    ],
)
@in_virtual_time
async def test_a_phone_is_sent_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, target: ReferTo
) -> None:
    async with exchange(monkeypatch, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, target)
        await settle(5)
        assert phone.done[-1] == "603"
        assert party.record.room == "room@conference.meet.test"
        assert not there.ended


@in_virtual_time
async def test_a_call_whose_to_is_no_uri_of_ours_can_be_sent_elsewhere_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        phone.call.request.headers.set("To", "<urn:service:sos>")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert party.record.room == "hall@conference.meet.test"


@pytest.mark.parametrize("refused", [False, True])
@in_virtual_time
async def test_a_phone_that_is_asked_for_a_pin_may_be_sent_to_a_room(
    monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    hall = World(joins=[error("auth", "forbidden")]) if refused else with_alice()
    asking = replace(RULES, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, lambda: hall, trunk=asking, reception=reception()) as there:
        phone = FakePhone("4300", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert party.record.room == "hall@conference.meet.test"
        if refused:
            assert phone.done[-2:] == ["sipfrag 403", "BYE 403"]
        else:
            assert phone.done[-2:] == ["sipfrag 100", "sipfrag 200"]
            assert party.record.is_joined and not there.ended


@in_virtual_time
async def test_a_phone_that_is_sent_elsewhere_while_it_hears_a_farewell_does_not_end_by_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denying = with_alice(joins=[members_only()])
    made = iter([denying, with_alice()])
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        denying.removes_us("<status code='307'/>", room=LOBBY)
        await settle(1)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        phone.goes()
        await settle(5)
        assert party.record.end is not None
        assert party.record.end.reason is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_is_not_let_into_the_other_room_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing = World(joins=[error("auth", "forbidden")])
    worlds = [with_alice(), refusing, with_alice()]
    made = iter(worlds)
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(10)
        assert phone.done[-1] == "sipfrag 403"
        assert party.world is worlds[2]
        assert worlds[2].room == "room@conference.meet.test" == party.record.room
        assert not there.ended


@in_virtual_time
async def test_a_meeting_that_ends_before_it_lets_the_phone_in_is_no_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall = with_alice(joins=[members_only()])
    made = iter([with_alice(), hall, with_alice()])
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        hall.removes_us("<destroy/>", room=LOBBY)
        await settle(5)
        assert phone.done[-1] == "sipfrag 480"
        assert not there.ended


@in_virtual_time
async def test_who_gives_up_at_the_door_of_another_room_has_been_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall = with_alice(joins=[members_only()])
    made = iter([with_alice(), hall])
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        phone.goes()
        await settle(5)
        (record,) = there.ended
        assert record.is_joined and record.participants == 2
        assert there.switchboard.totals.completed == 1


@in_virtual_time
async def test_who_is_sent_on_from_a_door_comes_back_to_where_it_was_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall = with_alice(joins=[members_only()])
    refusing = World(joins=[error("auth", "forbidden")])
    made = iter([with_alice(), hall, refusing, with_alice()])
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        phone.tells(sip.Referred, sent_to("attic"))  # with "Refer-Sub: false" it need not wait
        await settle(10)
        assert party.record.room == "room@conference.meet.test"
        assert not there.ended


@in_virtual_time
async def test_an_offer_that_is_being_answered_as_the_phone_comes_back_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall = with_alice(joins=[members_only()])
    made = iter([with_alice(), hall, with_alice()])
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        phone.describes(DESCRIPTION.replace(b"4000", b"4002"))
        hall.removes_us("<status code='307'/>", room=LOBBY)
        await settle(5)
        assert phone.done[-1] == "sipfrag 403"
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)


@in_virtual_time
async def test_what_was_muted_in_one_room_is_not_in_the_next_but_a_hold_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        there.engine.presses(party.call, "*")
        there.engine.presses(party.call, "6")
        await settle(1)
        assert party.media.is_muted
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert not party.media.is_muted
        phone.describes(HOLDS["sendonly"])
        await settle(1)
        assert party.media.is_muted
        phone.tells(sip.Referred, sent_to("room"))
        await settle(5)
        assert party.media.is_muted
        assert party.world is not None and status_of(party.world) == ON_HOLD


@in_virtual_time
async def test_a_phone_that_we_have_called_stays_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        party, _ = await there.dial()
        await settle(1)
        assert party.phone is not None
        party.phone.answers()
        await settle(1)
        party.phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        assert party.phone.done == ["603"]
        assert not there.ended


# --- another phone ------------------------------------------------------------------------------

OTHER = DESCRIPTION.replace(b"4000", b"4004")


@pytest.mark.parametrize("offer", [OTHER, None])
@in_virtual_time
async def test_another_phone_takes_the_place_of_one(
    monkeypatch: pytest.MonkeyPatch, offer: bytes | None
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=offer, answer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(1)
        assert other.done == ["200"]
        assert phone.done[-1] == "BYE 200"
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert party.record.sip_call_id == "call-1"
        assert len(there.switchboard.calls) == 1
        other.says("hello")
        other.goes()
        await settle(5)
        assert party.record.end is not None
        assert party.record.end.reason is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_a_phone_that_was_called_can_be_replaced_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        party, _ = await there.dial()
        await settle(1)
        phone = party.phone
        assert phone is not None
        phone.answers()
        await settle(1)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(1)
        assert (phone.done, other.done) == (["BYE 200"], ["200"])
        assert not there.ended


@pytest.mark.parametrize("pause", [0.01, 1.0])
@in_virtual_time
async def test_a_caller_who_is_asked_for_a_pin_can_be_replaced_too(
    monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    asking = replace(TRUNK, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, trunk=asking, reception=reception()) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(pause)
        assert other.done == ["200"]
        for key in PIN:
            there.engine.presses(party.call, key)
        await settle(5)
        assert (phone.done[-1], other.done) == ("BYE 200", ["200"])
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert party.record.is_joined and not there.ended


def writes(world: World, text: str) -> None:
    world.stream.deliver(
        f"<message xmlns='jabber:client' type='groupchat' from='{world.room}/alice'>"
        f"<body>{text}</body></message>"
    )


@in_virtual_time
async def test_what_people_write_goes_to_the_other_phone_though_the_first_left_some_unanswered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    async with exchange(monkeypatch, lambda: world) as there:
        phone = FakePhone("room")
        await talking(there, phone)
        phone.answers_messages = False
        writes(world, "one")
        await settle(1)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(1)
        writes(world, "two")
        await settle(1)
        assert (phone.said, other.said) == (["Alice: one"], ["Alice: two"])


@in_virtual_time
async def test_a_phone_with_nothing_in_common_does_not_take_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        warning = '305 sip-gateway "Incompatible media format"'
        for offer, status, warned in (
            (OTHER.replace(b"AVP 0 101", b"AVP 18"), "488", [warning]),
            (b"?", "400", []),
        ):
            other = FakePhone("room", number=1, offer=offer, replaces=phone)
            await there.replace(other)
            await settle(1)
            assert other.done == [status]
            assert other.warned == warned
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert not there.ended


@pytest.mark.parametrize("answer", [b"?", None])
@in_virtual_time
async def test_a_phone_that_answers_our_offer_with_nonsense_is_not_left_on_the_line(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=None, answer=answer, replaces=phone)
        await there.replace(other)
        await settle(1)
        assert other.done == ["200", "BYE 400"]
        assert phone.done == ["180", "200"]
        assert party.record.sip_call_id == "call-0" and not there.ended


@in_virtual_time
async def test_a_phone_that_is_refused_is_warned_why(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = '305 sip-gateway "Incompatible media format"'
    async with exchange(monkeypatch) as there:
        refused = FakePhone("room", offer=DESCRIPTION.replace(b"AVP 0", b"AVP 18"))
        await there.call_in(refused)
        await settle(1)
        assert (refused.done, refused.warned) == (["488"], [warning])
        phone = FakePhone("room", number=1)
        await talking(there, phone)
        phone.describes(DESCRIPTION.replace(b"AVP 0", b"AVP 18"))
        await settle(1)
        assert (phone.done[-1], phone.warned) == ("488", [warning])


@in_virtual_time
async def test_who_takes_over_and_is_gone_at_once_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, acks=False, replaces=phone)
        await there.replace(other)
        await settle(40)
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert phone.done == ["180", "200"]
        assert not there.ended


@in_virtual_time
async def test_of_two_phones_that_want_to_take_over_the_same_call_the_first_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        await talking(there, phone)
        first, second = (FakePhone("room", number=each, replaces=phone) for each in (1, 2))
        await there.replace(first)
        await there.replace(second)
        await settle(2)
        assert (first.done, second.done) == (["200"], ["481"])
        assert not there.ended


@in_virtual_time
async def test_a_phone_is_replaced_while_it_has_not_acknowledged_what_it_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        phone.acks = False
        phone.describes(HOLDS["sendonly"])
        await settle(1)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(40)
        assert (phone.done[-1], other.done) == ("BYE 200", ["200"])
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert not there.ended


@pytest.mark.parametrize("acks", [True, False])
@in_virtual_time
async def test_who_transfers_its_call_may_hang_up_before_the_other_has_acknowledged(
    monkeypatch: pytest.MonkeyPatch, acks: bool
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, acks=acks, replaces=phone)
        await there.replace(other)
        await settle(0.01)
        assert other.done == ["200"]
        phone.goes()
        await settle(40)
        if acks:
            assert party.media.phone is not None
            assert party.media.phone.remote == ("192.0.2.9", 4004)
            assert not there.ended
        else:
            assert party.record.end is not None
            assert party.record.end.reason is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_a_phone_is_replaced_though_it_wants_to_be_elsewhere_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, with_alice, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(0.01)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert (phone.done[-1], other.done) == ("BYE 200", ["200"])
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert party.record.room == "room@conference.meet.test"
        assert not there.ended


@in_virtual_time
async def test_a_call_that_is_over_or_another_trunk_s_is_not_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        party.record.trunk = "another"
        other = FakePhone("room", number=1, replaces=phone)
        await there.replace(other)
        assert other.done == ["481"]
        party.record.trunk = "trunk"
        phone.goes()
        late = FakePhone("room", number=2, replaces=phone)
        await there.replace(late)
        await settle(5)
        assert late.done == ["481"]
        assert len(there.ended) == 1
