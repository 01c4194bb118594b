"""A session of the lab's own on a real server, over a stream that is not real."""

import asyncio
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.lab.prosody_link import ProsodySeat
from gateway.xmpp.connection import ConnectionFailed, FailureCause

LOST = ConnectionFailed(FailureCause.STREAM, "system-shutdown")


class FakeStream:
    """Takes what is sent, and takes a moment to close."""

    def __init__(self) -> None:
        self.sent: list[Element] = []
        self.closed = 0

    def send(self, stanza: Element) -> None:
        self.sent.append(stanza)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


def seat() -> tuple[ProsodySeat, FakeStream]:
    stream = FakeStream()
    return ProsodySeat(stream), stream  # type: ignore[arg-type]


def test_what_came_early_is_delivered_first() -> None:
    session, _ = seat()
    early, late = Element("early"), Element("late")
    got: list[Element] = []
    session.received(early)
    session.listen(lambda stanza, now: got.append(stanza), lambda: None)
    session.received(late)
    assert got == [early, late]


def test_a_stanza_that_makes_no_sense_is_passed_over() -> None:
    session, _ = seat()

    def deliver(stanza: Element, now: float) -> None:
        raise JingleError("nonsense")

    session.listen(deliver, lambda: None)
    session.received(Element("presence"))


def test_a_loss_is_told_once_and_to_who_comes_late_as_well() -> None:
    session, stream = seat()
    told: list[str] = []
    session.lost(LOST)
    session.listen(lambda stanza, now: None, lambda: told.append("lost"))
    session.lost(LOST)
    assert told == ["lost"]
    assert session.failure is LOST
    session.send(Element("presence"))
    assert stream.sent == []


async def test_who_has_logged_out_hears_and_says_nothing_more() -> None:
    session, stream = seat()
    told: list[str] = []
    session.listen(lambda stanza, now: told.append("stanza"), lambda: told.append("lost"))
    session.close()
    assert not session.is_closed
    session.received(Element("presence"))
    session.lost(LOST)
    session.send(Element("presence"))
    await session.closed()
    await session.closed()
    assert (told, stream.sent, stream.closed) == ([], [], 1)
    assert session.is_closed
