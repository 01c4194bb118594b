"""Our services beside the public ones: the web client's requests, and the members of the answers.

The requests are composed as the web client does it (jitsi-meet, react/features/invite/_utils.ts);
what the public services answer is as resources/cloud-api.swagger of jitsi-meet describes them, and
as https://jitsi-api.jitsi.net answers: `message` is not in the description, but always there.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.ivr.phone_numbers import PhoneNumber
from tests.ivr.test_dial_in_http import MUC, PAGE, Client, config, serving

ROOM = "StandUp"
JID = re.compile(rf"[^@\s]+@{re.escape(MUC)}")

Form = dict[str, Callable[[Any], bool]]
"""What each member of an object has to be."""


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def is_text(value: Any) -> bool:
    return isinstance(value, str)


MAPPING: Form = {
    "message": is_text,
    "id": is_number,
    "conference": lambda value: is_text(value) and JID.fullmatch(value) is not None,
}
NOTHING: Form = {"message": is_text, "id": is_number, "conference": lambda value: value is False}
NUMBER: Form = {
    "countryCode": lambda value: is_text(value) and re.fullmatch("[A-Z]{2}", value) is not None,
    "tollFree": lambda value: isinstance(value, bool),
    "formattedNumber": is_text,
}
DEFAULT_NUMBER: Form = {**NUMBER, "default": lambda value: value is True}


def asks_for_pin(base: str) -> str:
    """getDialInConferenceID: nothing is encoded, and the page's address has no parameters."""
    separator = "&" if "?" in base else "?"
    return f"{base}{separator}conference={ROOM}@{MUC}&url={PAGE}/{ROOM}"


def asks_for_numbers(base: str) -> str:
    """getDialInNumbers."""
    return f"{base}{'&' if '?' in base else '?'}conference={ROOM}@{MUC}"


def fits(told: Any, form: Form) -> bool:
    """The same members as the public service's, in the same types; no more, no less."""
    return (
        isinstance(told, dict)
        and told.keys() == form.keys()
        and all(is_right(told[name]) for name, is_right in form.items())
    )


def shown(pin: int) -> str:
    """_formatConferenceIDPin: three groups."""
    text = str(pin)
    part = -(-len(text) // 3)
    return f"{text[:part]} {text[part : 2 * part]} {text[2 * part :]}"


@pytest.fixture
def numbers() -> tuple[PhoneNumber, ...]:
    return (
        PhoneNumber("AT", "+43 1 5550100"),
        PhoneNumber("DE", "+49 800 5550100", toll_free=True, default=True),
    )


async def browse(client: Client, path: str) -> Any:
    """Ask as the page does: from its origin, and an answer counts only if it is a 200."""
    status, told, headers = await client.ask(path, headers={"Origin": PAGE})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    return told


@pytest.mark.parametrize("base", ["/conferenceMapper", "/conferenceMapper?tier=one"])
async def test_the_mapper_answers_the_web_client_as_the_public_one(
    tmp_path: Path, base: str
) -> None:
    async with serving(config(tmp_path)) as client:
        told = await browse(client, asks_for_pin(base))
        assert fits(told, MAPPING)
        assert [len(group) for group in shown(told["id"]).split()] == [3, 3, 3]
        assert await browse(client, asks_for_pin(base)) == told, "and always the same"


async def test_the_list_of_numbers_is_as_the_public_one(
    tmp_path: Path, numbers: tuple[PhoneNumber, ...]
) -> None:
    async with serving(config(tmp_path, numbers=numbers)) as client:
        first, second = await browse(client, asks_for_numbers("/phoneNumberList"))
        assert fits(first, NUMBER) and fits(second, DEFAULT_NUMBER)
        assert await browse(client, "/phoneNumberList") == [first, second], "with no room either"
        older = await browse(client, asks_for_numbers("/phoneNumberList?form=countries"))
        assert fits(
            older,
            {
                "message": is_text,
                "numbers": lambda value: value["DE"] == ["+49 800 5550100"],
                "numbersEnabled": lambda value: value is True,
            },
        )


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/conferenceMapper?id={pin}"},
        {"path": "/conferenceMapper", "method": "POST", "json": {"id": "{pin}"}},
        {"path": "/conferenceMapper", "method": "POST", "json": {"conference": f"{ROOM}@{MUC}"}},
        {"path": "/conferenceMapper", "method": "POST", "json": {"room": ROOM, "domain": MUC}},
        {"path": f"/conferenceMapper?conference={ROOM}@{MUC}&id=111111111"},
    ],
    ids=["id", "id by POST", "conference by POST", "room and domain", "conference before id"],
)
async def test_whatever_way_it_is_asked_the_answer_is_the_same(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    async with serving(config(tmp_path)) as client:
        told = await browse(client, asks_for_pin("/conferenceMapper"))
        options = dict(asked)
        options["path"] = options["path"].format(pin=told["id"])
        if options.get("json", {}).get("id"):
            options["json"] = {"id": told["id"]}
        status, again, _ = await client.ask(**options)
        assert status == 200 and fits(again, MAPPING)
        assert (again["id"], again["conference"]) == (told["id"], told["conference"])


async def test_a_pin_of_no_room_is_false_with_200_as_there(tmp_path: Path) -> None:
    async with serving(config(tmp_path)) as client:
        status, told, _ = await client.ask("/conferenceMapper?id=999999999")
        assert status == 200 and fits(told, NOTHING)


async def test_what_is_neither_get_nor_post_is_a_405_as_there(tmp_path: Path) -> None:
    async with serving(config(tmp_path)) as client:
        assert (await client.ask("/conferenceMapper", "PUT", json={}))[0] == 405
