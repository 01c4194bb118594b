"""Messages between the gateway and its media workers, as bytes."""

import json
import struct
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import RemoteProtocolError
from gateway.media import messages as m
from gateway.media.wire import LONGEST, Incoming, Wire
from gateway.media.worker_messages import FROM_WORKER, TO_WORKER, Order, Report
from tests.helpers.examples import at_most

RELAY = m.TurnServer("turn.example.org", 3478, "udp", "user", "a turn password")
OFFER = m.BridgeOffer(
    session="sid",
    ufrag="uf",
    pwd="pw",
    fingerprints=(m.Fingerprint("sha-256", "AA:BB"),),
    setup="actpass",
    candidates=(m.IceCandidate("1", 1, "udp", 7, "192.0.2.1", 10000, "srflx", ("10.0.0.1", 9)),),
    opus=m.Payload(111, "OPUS", 48000, 2, "useinbandfec=1"),
    audio_level_id=None,
    ssrc=0xFFFFFFFF,
    relays=(RELAY,),
)


SOME_ORDERS: list[Order] = [m.Close("c1"), m.OpenBridge("c2", "room", OFFER), m.Mute("c3", True)]


def body(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("kind", get_args(Order))
@at_most(10)
@given(st.data())
def test_every_order_survives_the_way_down(kind: type[Order], data: st.DataObject) -> None:
    order = data.draw(st.from_type(kind))
    assume("nan" not in repr(order))  # which equals nothing
    (arrived,) = Incoming(TO_WORKER).feed(TO_WORKER.serialize(order))
    assert arrived == order
    assert type(arrived) is type(order)


@pytest.mark.parametrize("kind", get_args(Report))
@at_most(10)
@given(st.data())
def test_every_report_survives_the_way_up(kind: type[Report], data: st.DataObject) -> None:
    report = data.draw(st.from_type(kind))
    assume("nan" not in repr(report))
    (arrived,) = Incoming(FROM_WORKER).feed(FROM_WORKER.serialize(report))
    assert arrived == report
    assert type(arrived) is type(report)


def test_what_is_nested_arrives_as_what_it_was() -> None:
    order = m.OpenBridge("c1", "room", OFFER)
    (arrived,) = Incoming(TO_WORKER).feed(TO_WORKER.serialize(order))
    assert isinstance(arrived, m.OpenBridge)
    assert arrived.offer.relays == (RELAY,)
    assert arrived.offer.candidates[0].related == ("10.0.0.1", 9)
    assert arrived.offer.red is None
    assert "a turn password" not in repr(arrived)
    (played,) = Incoming(TO_WORKER).feed(TO_WORKER.serialize(m.Play("c1", m.Tone.HAND)))
    assert isinstance(played, m.Play)
    assert played.tone is m.Tone.HAND


def test_keys_arrive_octet_by_octet_and_are_in_no_repr() -> None:
    keys = m.PhoneKeys("AEAD_AES_128_GCM", bytes(range(28)), bytes(range(228, 256)), b"\0\1")
    media = m.PhoneMedia(None, None, "192.0.2.9", (), keys=keys)
    (arrived,) = Incoming(TO_WORKER).feed(TO_WORKER.serialize(m.ConnectPhone("c1", media)))
    assert isinstance(arrived, m.ConnectPhone)
    assert arrived.media.keys == keys
    assert repr(keys.local) not in repr(arrived) and repr(keys.remote) not in repr(arrived)


@at_most(30)
@given(st.lists(st.sampled_from(SOME_ORDERS)), st.lists(st.integers(1, 200)))
def test_a_stream_may_be_cut_anywhere(orders: list[Order], cuts: list[int]) -> None:
    stream = b"".join(map(TO_WORKER.serialize, orders))
    incoming = Incoming(TO_WORKER)
    arrived = []
    for cut in cuts:
        arrived += incoming.feed(stream[:cut])
        stream = stream[cut:]
    arrived += incoming.feed(stream)
    assert arrived == orders


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        body(None),
        body(["Close"]),
        body(["Close", ["c1"], 0]),
        body(["Close", []]),
        body(["Close", ["c1", "more"]]),
        body(["Close", "c1"]),
        body(["Close", [None]]),
        body(["NoSuchKind", ["c1"]]),
        body([["Close"], ["c1"]]),
        body(["PhoneOpened", ["c1", ["h", 1]]]),  # an event, which goes the other way
        body(["Mute", ["c1", 1]]),
        body(["SendDigit", ["c1", "5", True]]),
        body(["Play", ["c1", "no such tone"]]),
        body(["SetSources", ["c1", "sid", [[True, "alice"]]]]),
        body(["SetSources", ["c1", "sid", [["1", "alice"]]]]),
        body(["SetSources", ["c1", "sid", {"1": "alice"}]]),
        body({"Close": ["c1"]}),
    ],
)
def test_what_is_not_exactly_a_message_is_refused(wrong: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        list(Incoming(TO_WORKER).feed(struct.pack("!I", len(wrong)) + wrong))


@at_most(30)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_whatever_comes_is_a_message_or_refused(value: object) -> None:
    for kind in get_args(Order):
        try:
            message = TO_WORKER.parse(body([kind.__name__, value]))
        except RemoteProtocolError:
            continue
        assert json.loads(TO_WORKER.serialize(message)[4:]) == [kind.__name__, value]


def test_a_length_that_no_message_has_is_refused_before_it_has_come() -> None:
    with pytest.raises(RemoteProtocolError, match="octets"):
        list(Incoming(TO_WORKER).feed(struct.pack("!I", LONGEST + 1)))
    with pytest.raises(ValueError, match="octets"):
        TO_WORKER.serialize(m.Close("x" * LONGEST))


def test_numbers_of_another_library_are_written_as_pythons_own() -> None:
    measured = m.StreamReport(packets=np.int64(7), jitter=np.float32(0.5))  # type: ignore
    report = m.Closed("c1", m.CallReport(from_phone=measured))
    assert FROM_WORKER.parse(FROM_WORKER.serialize(report)[4:]) == report


def test_a_field_that_has_no_form_is_found_at_once() -> None:
    @dataclass
    class WithSet:
        names: set[str]

    @dataclass
    class Other:
        name: str

    with pytest.raises(TypeError, match=r"set\[str\] has no form"):
        Wire(WithSet | Other)
