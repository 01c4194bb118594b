"""BOSH without a network: whatever HTTP does to requests, both sides read the same stanzas."""

import re
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp.bosh import HTTP_BIND, XBOSH, BoshSession, Request

HEADER = (
    "<stream:stream to='meet.test' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>"
)
SUCCESS = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
RID = 1000


def body(payload: str = "", **attributes: str) -> str:
    stated = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"<body xmlns='{HTTP_BIND}'{stated}>{payload}</body>"


def message(number: int) -> str:
    return f"<message xmlns='jabber:client' id='{number}'/>"


def numbers(pieces: list[str]) -> list[int]:
    """Of the messages in pieces of a stream, or in bodies."""
    return [int(number) for number in re.findall(r"message[^>]* id=.(\d+)", "".join(pieces))]


def established(payload: str = "", **attributes: str) -> BoshSession:
    """A session whose creation has been answered, and whose other side has written its header."""
    session = BoshSession("meet.test", RID)
    (first,) = session.requests(0.0)
    session.receive(first.rid, body(payload, sid="s", authid="a", **attributes), 0.0)
    session.write(HEADER)
    return session


def parsed(request: Request) -> Element:
    return fromstring(request.body)


# --- whatever the network does -------------------------------------------------------------------


class Manager:
    """The server: takes requests in any order and repeats what it has answered (XEP-0124)."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.answers: dict[int, str] = {}
        self._rid = RID - 1
        self._early: dict[int, str] = {}
        self._held: list[int] = []
        self._to_say: list[str] = []

    def take(self, request: Request) -> None:
        assert request.rid <= self._rid + 2, "more than two requests at a time"
        if request.rid > self._rid:
            self._early[request.rid] = request.body
        while (rid := self._rid + 1) in self._early:
            self._rid = rid
            self.heard += numbers([self._early.pop(rid)])
            self._held.append(rid)
            self._answer()

    def say(self, number: int) -> None:
        self._to_say.append(message(number))
        self._answer()

    def _answer(self) -> None:
        while self._held and (self._to_say or len(self._held) > 1 or self._held[0] == RID):
            made = {"sid": "s", "inactivity": "9999"} if self._held[0] == RID else {}
            self.answers[self._held.pop(0)] = body("".join(self._to_say), **made)
            self._to_say.clear()


class Network:
    """Requests on their way, and those that wait for their answers at the server."""

    def __init__(self) -> None:
        self.now = 0.0
        self.read: list[str] = []
        self.session = BoshSession("meet.test", RID)
        self.session.write(HEADER)
        self.manager = Manager()
        self._on_the_way: list[Request] = []
        self._arrived: list[int] = []
        self.said = self.written = 0

    def step(self, kind: str, which: int) -> None:
        under_way = self._on_the_way
        answered = [rid for rid in self._arrived if rid in self.manager.answers]
        match kind:
            case "make":
                under_way += self.session.requests(self.now)
            case "wait":
                self.now += 1.0
            case "say":
                self.said += 1
                self.manager.say(self.said)
            case "write":
                self.written += 1
                self.session.write(message(self.written))
            case "arrive" if under_way:
                request = under_way.pop(which % len(under_way))
                self.manager.take(request)
                self._arrived.append(request.rid)
            case "arrive twice" if under_way:
                self.manager.take(under_way[which % len(under_way)])
            case "lose" if under_way:
                self.session.broken(under_way.pop(which % len(under_way)).rid, self.now)
            case "answer" | "answer twice" if answered:
                rid = answered[which % len(answered)]
                self._arrived.remove(rid)
                for _ in range(2 if kind == "answer twice" else 1):
                    self.read += self.session.receive(rid, self.manager.answers[rid], self.now)
            case "lose answer" if self._arrived:
                rid = self._arrived.pop(which % len(self._arrived))
                self.session.broken(rid, self.now)

    def settle(self) -> None:
        for _ in range(20):
            for kind in ("wait", "make", "arrive", "arrive", "answer", "answer"):
                self.step(kind, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("make", "wait", "say", "write", "arrive", "arrive twice", "lose"),
                *("answer", "answer twice", "lose answer", "make", "arrive", "answer"),
            ]
        ),
        st.integers(0, 1),
    ),
    min_size=20,
    max_size=120,
)


@given(steps=STEPS)
def test_lost_repeated_and_reordered_requests_and_responses_change_nothing(
    steps: list[tuple[str, int]],
) -> None:
    network = Network()
    for kind in ("make", "arrive", "answer"):
        network.step(kind, 0)
    for kind, which in steps:
        network.step(kind, which)
    network.settle()
    assert network.manager.heard == list(range(1, network.written + 1))
    assert numbers(network.read) == list(range(1, network.said + 1))


# --- the life of a session -----------------------------------------------------------------------


def test_the_first_request_makes_the_session_and_is_alone() -> None:
    session = BoshSession("meet.test", RID)
    session.write(HEADER)
    session.write(message(1))
    (first,) = session.requests(0.0)
    assert session.requests(0.0) == []
    made = parsed(first)
    assert (made.get("rid"), made.get("to"), made.get("hold")) == (str(RID), "meet.test", "1")
    assert made.get("sid") is None and made.get(f"{{{XBOSH}}}version") == "1.0"
    features = "<features xmlns='http://etherx.jabber.org/streams'/>"
    header, told = session.receive(RID, body(features, sid="s", authid="a b"), 0.0)
    assert header.startswith("<stream:stream ") and ' id="a b"' in header
    assert "features" in told
    (second,) = session.requests(0.0)
    assert parsed(second).get("sid") == "s" and numbers([second.body]) == [1]


def test_the_server_always_has_a_request_to_answer_and_never_a_third() -> None:
    session = established()
    (held,) = session.requests(0.0)
    assert len(parsed(held)) == 0 and session.requests(0.0) == []
    for number in (1, 2, 3):
        session.write(message(number))
    (said,) = session.requests(0.0)
    assert numbers([said.body]) == [1, 2, 3]
    session.write(message(4))
    assert session.requests(0.0) == []
    session.receive(held.rid, body(), 0.0)
    (following,) = session.requests(0.0)
    assert numbers([following.body]) == [4]


def test_after_the_login_the_stream_is_restarted_before_anything_is_asked() -> None:
    session = established()
    (held,) = session.requests(0.0)
    session.receive(held.rid, body(SUCCESS), 0.0)
    assert session.requests(0.0) == []
    session.write(HEADER)
    (restart,) = session.requests(0.0)
    assert parsed(restart).get(f"{{{XBOSH}}}restart") == "true"
    assert parsed(restart).get("to") == "meet.test"
    pieces = session.receive(restart.rid, body(message(1)), 0.0)
    assert [piece.startswith("<stream:stream ") for piece in pieces] == [True, False]


def test_what_was_written_before_the_end_goes_with_it() -> None:
    session = established()
    (held,) = session.requests(0.0)
    session.write(message(1))
    session.write("</stream:stream>")
    (last,) = session.requests(0.0)
    assert parsed(last).get("type") == "terminate" and numbers([last.body]) == [1]
    assert session.receive(held.rid, body(), 0.0) == []
    assert session.requests(0.0) == []
    assert session.receive(last.rid, body(type="terminate"), 0.0)[-1] == "</stream:stream>"
    assert session.is_over


def test_who_wants_acknowledgements_gets_them() -> None:
    session = established(ack=str(RID))
    (held,) = session.requests(0.0)
    assert parsed(held).get("ack") is None  # as the one before it
    session.write(message(1))
    (said,) = session.requests(0.0)
    assert parsed(said).get("ack") == str(RID)


@pytest.mark.parametrize("condition", ["policy-violation", "item-not-found", "system-shutdown"])
def test_a_session_that_the_server_ends_says_why(condition: str) -> None:
    session = established()
    (held,) = session.requests(0.0)
    with pytest.raises(JingleError, match=condition):
        session.receive(held.rid, body(type="terminate", condition=condition), 0.0)
    assert session.is_over and session.requests(0.0) == []


def test_a_stream_error_reaches_the_stream_also_instead_of_a_session() -> None:
    error = "<error xmlns='http://etherx.jabber.org/streams'/>"
    session = BoshSession("meet.test", RID)
    (first,) = session.requests(0.0)
    ending = body(error, type="terminate", condition="remote-stream-error")
    header, told, footer = session.receive(first.rid, ending, 0.0)
    assert header.startswith("<stream:stream ") and "error" in told
    assert footer == "</stream:stream>"


def test_a_stanza_nested_without_end_is_left_out() -> None:
    session = established()
    (request,) = session.requests(0.0)
    deep = f"<message xmlns='jabber:client'>{'<a>' * 2000}{'</a>' * 2000}</message>"
    pieces = session.receive(request.rid, body(message(1) + deep + message(2)), 0.0)
    assert numbers(pieces) == [1, 2]


def test_a_request_is_made_again_as_it_was_with_growing_pauses() -> None:
    session = established(inactivity="20")
    (held,) = session.requests(0.0)
    now, pauses = 0.0, []
    with pytest.raises(JingleError, match="no response for 20 s"):
        while True:
            session.broken(held.rid, now)
            pause = session.wait(now)
            assert pause is not None
            assert pause == 0 or session.requests(now) == []
            pauses.append(pause)
            now += pause
            assert session.requests(now) == [held]
    assert pauses == [0, 1, 2, 5, 5, 5, 5]


def test_nothing_new_is_asked_before_what_broke_is_made_again() -> None:
    session = established()
    (held,) = session.requests(0.0)
    for _ in range(2):  # the second time there is a pause
        session.broken(held.rid, 0.0)
        session.write(message(1))
        now = session.wait(0.0) or 0.0
        assert now == 0 or session.requests(now / 2) == []
        assert session.requests(now) == [held]
    (said,) = session.requests(now)
    assert numbers([said.body]) == [1, 1]


def test_an_error_that_can_be_recovered_from_repeats_the_request() -> None:
    session = established()
    (held,) = session.requests(0.0)
    assert session.receive(held.rid, body(type="error"), 0.0) == []
    assert session.requests(0.0) == [held]
    assert numbers(session.receive(held.rid, body(message(1)), 0.0)) == [1]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("<<<", "no document"),
        ("<html/>", "not BOSH's"),
        (body(), "'sid'"),
        (body(sid="s", requests="1"), "polling"),
        (body(sid="s", hold="0"), "polling"),
        (body(sid="s", inactivity="x"), "inactivity"),
    ],
)
def test_an_answer_that_makes_no_session_is_refused(answer: str, told: str) -> None:
    session = BoshSession("meet.test", RID)
    (first,) = session.requests(0.0)
    with pytest.raises(JingleError, match=told):
        session.receive(first.rid, answer, 0.0)
