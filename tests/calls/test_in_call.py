"""What is said between us and the phone within its call."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.calls.end_reason import EndReason, Over
from gateway.calls.in_call import MAX_UNSENT, MISSED_HEARTBEATS, InCall
from gateway.conference import events as conference
from gateway.sip import events as sip
from gateway.sip.call import CallEnded
from gateway.sip.client_request import Outcome
from gateway.sip.instant_message import MAX_TEXT, write_text
from tests.helpers.captured_log import told
from tests.xmpp.virtual_time import in_virtual_time


@dataclass
class Caller:
    """The participant and the phone, and what each has been given."""

    may_unmute: bool = True
    log: list[object] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    status: int = 200

    def send_chat(self, text: str) -> bool:
        self.log.append(("chat", text))
        return True

    def set_muted(self, muted: bool) -> bool:
        self.log.append(("mute", muted))
        return muted or self.may_unmute

    def raise_hand(self) -> None:
        self.log.append("hand")

    def offer_password(self, password: str) -> None:
        self.log.append(("password", password))

    def pressed(self, digit: str) -> None:
        self.log.append(digit)

    async def info(self, media_type: str, body: bytes) -> Outcome:
        if self.status == 0:
            raise CallEnded(None)
        self.sent.append(json.loads(body))
        return Outcome(self.status, "")

    async def message(self, text: str) -> Outcome:
        self.sent.append(write_text(text).decode())
        return Outcome(self.status, "")

    def in_call(self, **options: Any) -> InCall:
        return InCall(self, self.pressed, **options)  # type: ignore[arg-type]


def info(body: str, media_type: str = "application/json") -> sip.InfoReceived:
    return sip.InfoReceived(None, media_type, body.encode())  # type: ignore[arg-type]


async def running(in_call: InCall, caller: Caller) -> "asyncio.Task[None]":
    task = asyncio.create_task(in_call.run(caller.info, caller.message))
    await asyncio.sleep(0.01)
    return task


@in_virtual_time
async def test_digits_and_words_of_the_phone_go_where_they_belong() -> None:
    caller = Caller()
    in_call = caller.in_call()
    in_call.said(info("Signal=5\r\nDuration=160", "application/dtmf-relay"))
    in_call.said(info("6", "application/dtmf"))
    in_call.said(sip.MessageReceived(None, "hello"))  # type: ignore[arg-type]
    in_call.said(info('{"i":1,"t":4,"d":{"pwd":"1234"}}'))
    in_call.said(info("who knows", "text/x"))
    assert caller.log == ["5", "6", ("chat", "hello"), ("password", "1234")]


@in_virtual_time
async def test_a_pbx_that_mutes_is_answered() -> None:
    caller = Caller()
    in_call = caller.in_call()
    in_call.said(info('{"type":"muteRequest","id":"1","data":{"audio":true}}'))
    in_call.said(info('{"type":"muteRequest","id":"2","data":{"audio":false}}'))
    caller.may_unmute = False
    in_call.said(info('{"type":"muteRequest","id":"3","data":{"audio":false}}'))
    task = await running(in_call, caller)
    assert [(each["id"], each["status"]) for each in caller.sent] == [
        ("1", "OK"),
        ("2", "OK"),
        ("3", "FAILED"),
    ]
    assert caller.log == [("mute", True), ("mute", False), ("mute", False), "hand"]
    task.cancel()


@in_virtual_time
async def test_only_a_pbx_that_wants_it_is_told() -> None:
    caller = Caller()
    silent, spoken = caller.in_call(), caller.in_call(speaks_jigasi=True)
    for in_call in (silent, spoken):
        in_call.told(conference.ModerationSwitched(True))
        in_call.told(conference.ChatReceived("a", "Ann", "hello", False))
        (await running(in_call, caller)).cancel()
    assert caller.sent == [{"t": 8, "d": True}]


@pytest.mark.parametrize("written", ["hello", "добрый", "x💬"])
def test_a_phone_that_wants_it_gets_what_people_write(written: str) -> None:
    @in_virtual_time
    async def run() -> None:
        caller = Caller()
        in_call = caller.in_call(reads_chat=True)
        in_call.told(conference.ChatReceived("a", "Ann", "before it was in", False))
        in_call.entered()
        in_call.told(conference.ChatReceived("a", "Ann", written * 400, False))
        (await running(in_call, caller)).cancel()
        (text,) = caller.sent
        assert f"Ann: {written * 400}".startswith(text)
        assert MAX_TEXT - 4 < len(write_text(text)) <= MAX_TEXT

    run()


@in_virtual_time
async def test_who_does_not_read_fast_enough_loses_the_rest() -> None:
    caller = Caller()
    in_call = caller.in_call(speaks_jigasi=True)
    for _ in range(500):
        in_call.told(conference.Approved())
    (await running(in_call, caller)).cancel()
    assert len(caller.sent) == MAX_UNSENT


@in_virtual_time
async def test_what_a_call_that_is_over_has_not_taken_is_not_said_again() -> None:
    caller = Caller(status=0)
    in_call = caller.in_call(speaks_jigasi=True)
    in_call.told(conference.Approved())
    task = await running(in_call, caller)
    assert caller.sent == []
    caller.status = 200  # another phone has taken over
    in_call.told(conference.ApprovalWithdrawn())
    await asyncio.sleep(0.01)
    task.cancel()
    assert caller.sent == [{"t": 10}]


@in_virtual_time
async def test_heartbeats_are_answered_and_a_pbx_that_answers_none_is_gone() -> None:
    caller = Caller()
    in_call = caller.in_call()
    in_call.said(info('{"t":11}'))
    (await running(in_call, caller)).cancel()
    assert caller.sent == [{"t": 11}]

    in_call = caller.in_call(heartbeat=10.0)
    task = await running(in_call, caller)
    for _ in range(20):
        await asyncio.sleep(10)
        in_call.said(info('{"t":11}'))
    assert not task.done()
    since = asyncio.get_running_loop().time()
    with pytest.raises(BaseExceptionGroup) as ended:
        await task
    over = ended.value.exceptions[0]
    assert isinstance(over, Over)
    assert over.end.reason is EndReason.NO_HEARTBEAT
    waited = asyncio.get_running_loop().time() - since
    assert round(waited) == 10 * (MISSED_HEARTBEATS + 1)


@in_virtual_time
async def test_a_pbx_is_asked_whether_it_is_alive_only_once_it_is_answered() -> None:
    caller = Caller()
    answers = iter([False] * 10)
    in_call = caller.in_call(heartbeat=10.0, is_answered=lambda: next(answers, True))
    task = await running(in_call, caller)
    await asyncio.sleep(100)
    assert not task.done()
    assert caller.sent == []
    await asyncio.sleep(10)
    assert caller.sent == [{"t": 11}]
    task.cancel()
    await asyncio.wait((task,))


@in_virtual_time
async def test_a_phone_that_does_not_take_what_people_write_is_a_few_lines_of_the_log() -> None:
    caller = Caller(status=415)
    in_call = caller.in_call(reads_chat=True)
    in_call.entered()
    task = await running(in_call, caller)
    with told() as lines:
        for number in range(MAX_UNSENT):
            in_call.told(conference.ChatReceived("a", "Ann", str(number), False))
        await asyncio.sleep(0.01)
    task.cancel()
    assert len(caller.sent) == MAX_UNSENT
    assert 0 < len(lines) < 50
