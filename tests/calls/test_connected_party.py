"""Who is at the phone may change while it stays in the meeting: the meeting is shown who is."""

from dataclasses import replace

import pytest

from gateway.calls.caller_identity import ShowCaller
from gateway.calls.trunk import Trunk
from gateway.sip import events as sip
from gateway.sip.headers import Headers
from tests.calls.exchange import TRUNK, Exchange, Party, exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.calls.keypad_scene import PIN, reception
from tests.conference.world import settle
from tests.xmpp.virtual_time import in_virtual_time

DESK = 'P-Asserted-Identity: "Front Desk" <sip:2000@pbx.test>\r\n'
GUEST = '"Erika Gast" <sip:+436641234512@pbx.test>'
NICK = "{http://jabber.org/protocol/nick}nick"


def shown(party: Party) -> list[str | None]:
    """The names the room was shown, one after the other."""
    assert party.world is not None
    sent = [each for each in party.world.stream.sent if each.kind in ("join", "presence")]
    names = [each.stanza.findtext(NICK) for each in sent]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def states(
    phone: FakePhone, *fields: tuple[str, str], from_: str = "<sip:erika@pbx.test>;tag=1"
) -> None:
    """The network says within its call who is at it."""
    phone.tells(sip.PartyStated, Headers((("From", from_), *fields)))


async def desk_calls(there: Exchange) -> tuple[FakePhone, Party]:
    phone = FakePhone("room", headers=DESK)
    party = await there.call_in(phone)
    await settle(1)
    return phone, party


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ((("P-Asserted-Identity", GUEST),), ["Front Desk", "Erika Gast"]),
        ((("Remote-Party-ID", f"{GUEST};party=calling"),), ["Front Desk", "Erika Gast"]),
        ((("Remote-Party-ID", f"{GUEST};party=called"),), ["Front Desk", "Erika Gast"]),
        ((("P-Asserted-Identity", "<tel:+436641234512>"),), ["Front Desk", "+436641234512"]),
        (
            (
                ("P-Asserted-Identity", "<sip:anonymous@anonymous.invalid>"),
                ("Privacy", "id"),
            ),
            ["Front Desk", "Anonymous"],
        ),
        ((("P-Asserted-Identity", '"Front Desk" <sip:2000@pbx.test>'),), ["Front Desk"]),
        ((("P-Asserted-Identity", "nonsense"),), ["Front Desk"]),
    ],
)
@in_virtual_time
async def test_whoever_a_call_is_transferred_to_is_shown(
    monkeypatch: pytest.MonkeyPatch, fields: tuple[tuple[str, str], ...], names: list[str]
) -> None:
    async with exchange(monkeypatch) as there:
        phone, party = await desk_calls(there)
        states(phone, *fields)
        await settle(2)
        assert shown(party) == names


@pytest.mark.parametrize(
    ("trunk", "names"),
    [
        (replace(TRUNK, trust_identity=False), ["erika"]),
        (replace(TRUNK, show_caller=ShowCaller.NAME), ["Front Desk", "Phone"]),
        (replace(TRUNK, show_caller=ShowCaller.MASKED), ["Front Desk", "+43 *** **12"]),
    ],
)
@in_virtual_time
async def test_as_much_is_believed_and_shown_of_them_as_of_who_called(
    monkeypatch: pytest.MonkeyPatch, trunk: Trunk, names: list[str]
) -> None:
    async with exchange(monkeypatch, trunk=trunk) as there:
        phone, party = await desk_calls(there)
        states(phone, ("P-Asserted-Identity", "<sip:+436641234512@pbx.test>"))
        await settle(2)
        assert shown(party) == names


@pytest.mark.parametrize("stated", ["<sip:2000@pbx.test>", "<tel:2000>"])
@in_virtual_time
async def test_who_is_stated_again_without_a_name_keeps_it(
    monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    """Networks know numbers; the name stood in From, which is not looked at again."""
    async with exchange(monkeypatch) as there:
        phone, party = await desk_calls(there)
        states(phone, ("P-Asserted-Identity", stated))
        await settle(2)
        assert shown(party) == ["Front Desk"]


@in_virtual_time
async def test_a_caller_that_hides_behind_from_stays_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room", headers=f"Privacy: id\r\n{DESK}")
        party = await there.call_in(phone)
        await settle(1)
        hidden = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
        states(phone, ("P-Asserted-Identity", GUEST), from_=hidden)
        await settle(2)
        assert shown(party) == ["Anonymous"]


NUMBER = "P-Asserted-Identity: <sip:+436641234512@pbx.test>\r\n"


@pytest.mark.parametrize(
    ("headers", "fields", "names"),
    [
        (NUMBER, (), ["Erika Gast"]),
        (NUMBER, (("Privacy", "id"),), ["Erika Gast", "Anonymous"]),
        (f"{NUMBER}Privacy: id\r\n", (), ["Anonymous"]),
    ],
    ids=["its name is From's", "it asks for privacy now", "it has asked for privacy"],
)
@in_virtual_time
async def test_who_is_stated_again_with_less_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
    headers: str,
    fields: tuple[tuple[str, str], ...],
    names: list[str],
) -> None:
    """A session refresh has P-Asserted-Identity, and seldom a name there, or Privacy."""
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room", headers=headers)
        phone.call.request.headers.set("From", "Erika Gast <sip:erika@192.0.2.9>;tag=1")
        party = await there.call_in(phone)
        await settle(1)
        for _ in range(2):
            states(phone, ("P-Asserted-Identity", "<sip:+436641234512@pbx.test>"), *fields)
            await settle(2)
        assert shown(party) == names
        states(phone, ("P-Asserted-Identity", '"Front Desk" <sip:2000@pbx.test>'))
        await settle(2)
        assert shown(party) == [*names, "Front Desk"]


@in_virtual_time
async def test_a_phone_that_takes_over_is_shown_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone, party = await desk_calls(there)
        other = FakePhone("room", number=1, offer=DESCRIPTION, replaces=phone)
        await there.replace(other)
        await settle(2)
        assert shown(party) == ["Front Desk", "erika"]


@in_virtual_time
async def test_who_comes_while_a_pin_is_asked_for_is_shown_from_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = replace(TRUNK, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, trunk=asking, reception=reception()) as there:
        phone = FakePhone("room", room="", headers=DESK)
        party = await there.call_in(phone)
        await settle(1)
        states(phone, ("P-Asserted-Identity", GUEST))
        await settle(1)
        for key in PIN:
            there.engine.presses(party.call, key)
        await settle(5)
        assert shown(party) == ["Erika Gast"]


@in_virtual_time
async def test_whose_pin_it_is_stays_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = replace(TRUNK, asks_pin=True, speaks=True)
    desk = reception(owner="Ann Example")
    async with exchange(monkeypatch, trunk=asking, reception=desk) as there:
        phone = FakePhone("room", room="", headers=DESK)
        party = await there.call_in(phone)
        await settle(1)
        for key in PIN:
            there.engine.presses(party.call, key)
        await settle(5)
        states(phone, ("P-Asserted-Identity", GUEST))
        await settle(2)
        assert shown(party) == ["Ann Example"]


# --- a phone that we have called ----------------------------------------------------------------


async def called(there: Exchange, headers: str = "") -> tuple[FakePhone, Party]:
    party, _ = await there.dial()
    await settle(1)
    assert party.phone is not None
    party.phone.answers(headers)
    await settle(1)
    return party.phone, party


@pytest.mark.parametrize("told", ["", DESK], ids=["told later", "told by its answer"])
@in_virtual_time
async def test_who_was_called_keeps_the_name_it_was_called_by_until_it_is_transferred(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    async with exchange(monkeypatch) as there:
        phone, party = await called(there, told)
        (name,) = shown(party)
        for _ in range(2):
            states(phone, ("P-Asserted-Identity", '"Front Desk" <sip:2000@pbx.test>'))
            await settle(2)
        assert shown(party) == [name]
        states(phone, ("P-Asserted-Identity", GUEST))
        await settle(2)
        assert shown(party) == [name, "Erika Gast"]


@in_virtual_time
async def test_whoever_takes_it_over_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone, party = await called(there)
        (name,) = shown(party)
        asserted = f"P-Asserted-Identity: {GUEST}\r\n"
        await there.replace(FakePhone("room", number=1, headers=asserted, replaces=phone))
        await settle(2)
        assert shown(party) == [name, "Erika Gast"]
