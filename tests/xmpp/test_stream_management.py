"""XEP-0198 without a network: two ends, and links between them that break at any time."""

from collections import deque
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp import stream_management
from gateway.xmpp.element import element, local_name
from gateway.xmpp.stream_management import MAX_UNACKED, Enabled, StreamManagement, enable


def stanza(number: int) -> Element:
    return element(ns.CLIENT, "message", {"id": str(number)})


def ack(h: int | str) -> Element:
    return element(ns.SM, "a", {"h": str(h)})


class End:
    """One end of a stream: what it puts on the wire, and what it has got."""

    def __init__(self) -> None:
        self.management = StreamManagement()
        self.wire: deque[Element] = deque()
        self.sent = 0
        self.got: list[int] = []

    def send(self, *, is_up: bool) -> None:
        part = stanza(self.sent)
        self.sent += 1
        request = self.management.sent(part)
        if is_up:
            self.wire.extend([part] if request is None else [part, request])

    def receive(self, part: Element) -> None:
        match local_name(part):
            case "message":
                self.management.count_received()
                self.got.append(int(part.attrib["id"]))
            case "r":
                self.wire.append(self.management.acknowledgement())
            case "a":
                self.management.acknowledged(part)


class Stream:
    """Two ends; what is under way when the link breaks is lost."""

    def __init__(self) -> None:
        self.ends = (End(), End())
        self.is_up = True

    def deliver(self, to: int, count: int) -> None:
        wire = self.ends[1 - to].wire
        for _ in range(min(count, len(wire))):
            self.ends[to].receive(wire.popleft())

    def cut(self) -> None:
        self.is_up = False
        for end in self.ends:
            end.wire.clear()

    def resume(self) -> None:
        if self.is_up:
            return
        self.is_up = True
        client, server = self.ends
        resume = client.management.resume("id")
        resumed = element(ns.SM, "resumed", {"h": str(server.management.received)})
        server.wire.extend(server.management.resumed(resume))
        client.wire.extend(client.management.resumed(resumed))

    def settle(self) -> None:
        self.resume()
        while any(end.wire for end in self.ends):
            for to in (0, 1):
                self.deliver(to, 1)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 1), st.integers(1, 5)),
        st.tuples(st.just("deliver"), st.integers(0, 1), st.integers(1, 9)),
        st.just(("cut", 0, 0)),
        st.just(("resume", 0, 0)),
    ),
    max_size=60,
)


@given(steps=steps, begin=st.sampled_from([0, (1 << 32) - 3]))
def test_whatever_breaks_each_stanza_arrives_once_and_in_order(
    steps: list[tuple[str, int, int]], begin: int
) -> None:
    stream = Stream()
    for end in stream.ends:  # as after so many stanzas: the counts go round
        end.management._sent = end.management._acked = end.management._received = begin
    for what, which, count in steps:
        match what:
            case "send":
                for _ in range(count):
                    stream.ends[which].send(is_up=stream.is_up)
            case "deliver":
                stream.deliver(which, count)
            case "cut":
                stream.cut()
            case "resume":
                stream.resume()
    stream.settle()
    for to in (0, 1):
        assert stream.ends[to].got == list(range(stream.ends[1 - to].sent))


def test_there_is_one_request_for_an_acknowledgement_at_a_time() -> None:
    management = StreamManagement()
    first, second = management.sent(stanza(0)), management.sent(stanza(1))
    assert first is not None and first.tag == f"{{{ns.SM}}}r"
    assert second is None
    management.acknowledged(ack(1))
    assert management.sent(stanza(2)) is not None
    assert [each.get("id") for each in management.unacked] == ["1", "2"]


@pytest.mark.parametrize("h", [3, 0, "-1", "x", "", 1 << 32])
def test_what_was_not_sent_or_was_acknowledged_before_cannot_be_acknowledged(h: int | str) -> None:
    management = StreamManagement()
    for number in range(2):
        management.sent(stanza(number))
    management.acknowledged(ack(1))
    with pytest.raises(JingleError):
        management.acknowledged(ack(h))
    with pytest.raises(JingleError):
        management.resumed(ack(h))
    assert len(management.unacked) == 1


def test_what_is_kept_is_bounded_and_then_nothing_is_resumed() -> None:
    management = StreamManagement()
    for number in range(MAX_UNACKED):
        management.sent(stanza(number))
    assert management.is_resumable and len(management.unacked) == MAX_UNACKED
    management.sent(stanza(MAX_UNACKED))
    assert not management.is_resumable and not management.unacked
    management.acknowledged(ack(MAX_UNACKED + 1))  # the stream itself goes on
    management.sent(stanza(MAX_UNACKED + 1))
    assert not management.unacked
    with pytest.raises(JingleError, match="unacknowledged"):
        management.resumed(ack(MAX_UNACKED + 2))


@pytest.mark.parametrize(
    ("attributes", "enabled"),
    [
        ("id='a1' resume='true' max='45'", Enabled("a1", 45.0)),
        ("id='a1' resume='1'", Enabled("a1", stream_management.DEFAULT_HIBERNATION)),
        ("id='a1' resume='1' max='604800'", Enabled("a1", stream_management.DEFAULT_HIBERNATION)),
        ("id='a1' resume='1' max='60.0'", Enabled("a1", stream_management.DEFAULT_HIBERNATION)),
        ("id='a1'", Enabled("", stream_management.DEFAULT_HIBERNATION)),
        ("", Enabled("", stream_management.DEFAULT_HIBERNATION)),
    ],
)
def test_the_server_says_whether_and_how_long_it_keeps_a_stream(
    attributes: str, enabled: Enabled
) -> None:
    assert Enabled.parse(fromstring(f"<enabled xmlns='{ns.SM}' {attributes}/>")) == enabled


def test_only_who_can_resume_asks_the_server_to_keep_the_stream() -> None:
    assert enable(resume=True).attrib == {"resume": "true"}
    assert enable(resume=False).attrib == {}
