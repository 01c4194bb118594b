"""What a conference sees of a call, and what the call hears of the conference, from end to end."""

import re
from xml.etree.ElementTree import tostring

import pytest

from gateway.calls.caller_identity import ShowCaller
from gateway.calls.parties import CalledIn
from gateway.calls.trunk import RoomRule, Trunk
from gateway.media.messages import Tone
from tests.calls.test_waiting_caller import Phone, Scene
from tests.conference.world import World, members_only, settle
from tests.xmpp.virtual_time import in_virtual_time

NICK = "{http://jabber.org/protocol/nick}nick"
RECORDED = (
    "<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' session_id='s1' "
    "recording_mode='file' status='on'/>"
)


def shown(world: World) -> tuple[str | None, str | None]:
    """What the room was told last: whether we are silent, and our status."""
    last = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1].stanza
    return (
        last.findtext("{jabber:client}audiomuted"),
        last.findtext("{jabber:client}status"),
    )


@pytest.mark.parametrize(
    ("how", "nick"), [(ShowCaller.MASKED, "+43 *** **12"), (ShowCaller.NAME, "Phone")]
)
@in_virtual_time
async def test_no_stanza_tells_the_number_of_a_caller_that_is_masked(
    monkeypatch: pytest.MonkeyPatch, how: ShowCaller, nick: str
) -> None:
    world = World(occupants={"alice": "Alice"}, joins=[members_only()])
    phone = Phone(caller="<sip:+436641234512@192.0.2.9>")
    scene = Scene(
        world,
        monkeypatch,
        phone=phone,
        trunk=Trunk("trunk", (), default_room="room", show_caller=how),
    )
    await settle(1)
    world.invites_us()
    await settle(1)
    phone.goes()
    await scene.over()
    named = [sent.stanza.findtext(NICK) for sent in world.stream.of("join")]
    assert named == [nick] * 3  # at the door, in the lobby, in the room
    for sent in world.stream.sent:
        assert b"664123" not in tostring(sent.stanza)


@in_virtual_time
async def test_where_a_call_comes_from_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(occupants={"alice": "Alice"})
    scene = Scene(world, monkeypatch)
    await settle(1)
    (joined,) = world.stream.of("join")
    (header,) = joined.stanza.iter("{urn:xmpp:rayo:1}header")
    assert header.attrib == {"name": "JigasiCallDirection", "value": "in"}
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_the_room_sees_that_a_phone_is_on_hold_and_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(occupants={"alice": "Alice"})
    scene = Scene(world, monkeypatch)
    await settle(1)
    assert shown(world) == ("false", None)
    scene.phone.offers("sendonly")
    await settle(1)
    assert shown(world) == ("true", "On hold")
    scene.phone.offers("sendrecv")
    await settle(1)
    assert shown(world) == ("false", None)
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_keys_that_come_by_every_way_at_once_are_pressed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(occupants={"alice": "Alice"})
    scene = Scene(world, monkeypatch)
    await settle(1)
    for silent in ("true", "false"):
        for key in "*6":
            scene.types(key)
            scene.types(key, in_band=True)
            scene.phone.informs("application/dtmf-relay", f"Signal={key}\r\n".encode())
            await settle(0.3)
        assert shown(world) == (silent, None)
        await settle(3)
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_the_conference_is_shown_whom_the_trunk_asserts_if_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asserted = 'P-Asserted-Identity: "Ann Smith" <sip:+43664123@trunk.test>\r\n'
    for trusted, nick in ((True, "Ann Smith"), (False, "erika")):
        world = World(occupants={"alice": "Alice"})
        trunk = Trunk("trunk", (), default_room="room", trust_identity=trusted)
        scene = Scene(world, monkeypatch, phone=Phone(headers=asserted), trunk=trunk)
        await settle(1)
        (joined,) = world.stream.of("join")
        assert joined.stanza.findtext(NICK) == nick
        scene.phone.goes()
        await scene.over()


@in_virtual_time
async def test_rules_match_the_number_that_was_diverted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(occupants={"alice": "Alice"})
    trunk = Trunk(
        "trunk",
        (),
        rules=(RoomRule(re.compile("700"), "room"),),
        called_party=(CalledIn.URI, CalledIn.DIVERSION),
    )
    phone = Phone(headers="Diversion: <sip:700@192.0.2.9>;reason=unconditional\r\n")
    scene = Scene(world, monkeypatch, phone=phone, trunk=trunk)
    await settle(1)
    assert "200" in phone.done
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_who_comes_into_a_recorded_conference_hears_that_once_it_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(occupants={"alice": "Alice"})
    world.on_join = lambda: world.presence("focus", extra=RECORDED)
    scene = Scene(world, monkeypatch)
    while "200" not in scene.phone.done:
        await settle(0.01)
    assert scene.tones == []  # it has not acknowledged yet
    await settle(0.5)
    assert scene.tones == [Tone.RECORDING]
    world.presence("focus", extra=RECORDED.replace("'on'", "'off'"))
    await settle(0.5)
    assert scene.tones == [Tone.RECORDING, Tone.RECORDING_OVER]
    scene.phone.goes()
    await scene.over()
