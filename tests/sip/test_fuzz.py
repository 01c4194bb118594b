"""Mutated datagrams: nothing is raised, whatever is sent can be read, and nothing stays behind."""

import random
from dataclasses import replace
from typing import Any

import pytest

from gateway.sip.core import StackConfig
from gateway.sip.digest import Credentials
from gateway.sip.events import InviteReceived, Referred, Reoffered
from gateway.sip.flow import Flow
from gateway.sip.message import Request, check
from gateway.sip.session import Phase
from tests.helpers.examples import in_proportion
from tests.sip.wire import (
    ANSWER,
    GATEWAY,
    OFFER,
    SIXTY_FOUR_T1,
    TCP,
    UDP,
    Bench,
    request,
    response,
)

ELSEWHERE = replace(UDP, remote=GATEWAY)
V6 = Flow("udp", ("2001:db8::1", 5060), ("2001:db8::9", 5060))

# What has broken SIP parsers before.
MORSELS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\n\r\n", b"\0", b"\xff", b"\xe2\x80\xa8", b'"', b"\\"),
    *(b"<", b">", b";", b",", b":", b"@", b"=", b"%", b"%00", b"*", b" ", b"\t", b"[", b"]"),
    *(b"0", b"-1", b"4294967296", b"99999999999999999999", b"9" * 4400, b"\xd9\xa3"),
    *(b"sip:", b"sips:", b"tel:+49", b"<>", b";tag=", b";tag=x", b";lr", b";branch=", b";rport"),
    *(b"\r\nVia: ", b"\r\nVia: SIP/2.0/UDP x", b"\r\nContact: *", b"\r\nRecord-Route: <sip:r;lr>"),
    *(b"\r\nRecord-Route: <sip:192.0.2.3>", b"\r\nRequire: x", b"\r\nContent-Length: 7"),
    *(b"\r\nTo: <sip:t>", b"INVITE", b"ACK", b"BYE", b"CANCEL", b"SIP/2.0", b"application/sdp"),
    *(b"multipart/mixed;boundary=x", b"transport=tcp", b"transport=sctp", b"[::1]", b"self=1"),
]

CHALLENGE = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256, stale=true, opaque="o"'


TIMER_AND_RELIABLE = [("Supported", "timer, 100rel"), ("Session-Expires", "100;refresher=uas")]


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Between one and four small accidents."""
    for _ in range(dice.choice([1, 1, 1, 2, 3, 4])):
        start = dice.randrange(len(data) + 1)
        end = min(len(data), start + dice.choice([0, 1, 1, 2, 5, 20, 60]))
        match dice.randrange(6):
            case 0:  # cut out
                data = data[:start] + data[end:]
            case 1:  # say twice
                data = data[:end] + data[start:]
            case 2:  # put something in, or in place of something
                data = data[:start] + dice.choice(MORSELS) + data[dice.choice([start, end]) :]
            case 3:  # flip a bit
                if start < len(data):
                    flipped = data[start] ^ (1 << dice.randrange(8))
                    data = data[:start] + bytes([flipped]) + data[start + 1 :]
            case 4:  # drop or repeat a line
                lines = data.split(b"\r\n")
                at = dice.randrange(len(lines))
                lines[at : at + 1] = [lines[at]] * dice.choice([0, 2])
                data = b"\r\n".join(lines)
            case 5:  # swap two lines
                lines = data.split(b"\r\n")
                one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
                lines[one], lines[other] = lines[other], lines[one]
                data = b"\r\n".join(lines)
    return data


def original(tag: str, number: int, dice: random.Random) -> bytes:
    """A datagram about a call that exists or about one that does not."""
    branch, call_id = f"z9hG4bK-{number}", f"call-{number}"
    within: dict[str, Any] = {"branch": branch, "to_tag": tag, "cseq": number + 2}
    begin: dict[str, Any] = {"branch": branch, "call_id": call_id}
    method, arguments = dice.choice(
        [
            ("INVITE", {"body": OFFER, **begin}),
            ("INVITE", {"fields": [("Record-Route", "<sip:p;lr>, <sip:q>")], **begin}),
            ("INVITE", {"body": OFFER, "fields": TIMER_AND_RELIABLE, **begin}),
            ("INVITE", {"fields": [("Require", "100rel")], **begin}),
            (
                "INVITE",
                {"fields": [("Replaces", f"call-1;to-tag={tag};from-tag=peer")], **begin},
            ),
            ("PRACK", {"body": OFFER, "fields": [("RAck", "1 1 INVITE")], **within}),
            ("UPDATE", {"body": OFFER, "fields": TIMER_AND_RELIABLE, **within}),
            ("UPDATE", within),
            ("REFER", {"fields": [("Refer-To", "<sip:a@b?x=y>")], **within}),
            ("CANCEL", begin),
            ("ACK", {"to_tag": tag, **begin}),
            ("OPTIONS", begin),
            ("INVITE", {"body": OFFER, **within}),
            ("ACK", within),
            ("INFO", {"body": b"Signal=1", **within}),
            (
                "MESSAGE",
                {"branch": branch, "body": b"hi", "fields": [("Content-Type", "text/plain")]},
            ),
            ("MESSAGE", {"body": b"hi", **within}),
            ("BYE", {"fields": [("Reason", 'SIP;cause=200;text="x"')], **within}),
        ]
    )
    return request(method, **arguments)


def end_everything(bench: Bench) -> None:
    for session in bench.stack.sessions:
        bench.order(lambda now, session=session: session.hang_up((), now))  # type: ignore[misc]
    bench.advance(3 * SIXTY_FOUR_T1)  # what is too large for a datagram is tried twice
    bench.forget()
    assert bench.remains() == []


def react(bench: Bench, dice: random.Random) -> None:
    """Do with each call what a user might."""
    for event in bench.events():
        session = event.session
        if isinstance(event, InviteReceived | Reoffered):
            orders = [
                lambda now: session.progress(180, now=now),  # noqa: B023
                lambda now: session.accept(ANSWER, now=now),  # noqa: B023
                lambda now: session.accept(ANSWER, now=now),  # noqa: B023
                lambda now: session.reject(486, now=now),  # noqa: B023
                lambda now: session.progress(183, sdp=ANSWER, now=now),  # noqa: B023
                lambda now: session.updates.accept(ANSWER, now),  # noqa: B023
                lambda now: session.updates.reject(488, now),  # noqa: B023
                lambda now: session.hang_up((), now),  # noqa: B023
            ]
            bench.order(dice.choice(orders))
        elif isinstance(event, Referred):
            bench.order(session.referrals.accept)
            bench.order(lambda now: session.referrals.report(200, now))  # noqa: B023


@pytest.mark.parametrize("seed", range(in_proportion(5)))
def test_mutated_requests_raise_nothing_and_leave_nothing(seed: int) -> None:
    dice = random.Random(seed)
    bench = Bench(StackConfig(info_types=frozenset({"application/sdp"})))
    _, tag = bench.confirmed()
    for number in range(2000):
        datagram = mutate(original(tag, number, dice), dice)
        bench.receive(datagram, dice.choice([UDP, UDP, TCP, V6, ELSEWHERE]))
        react(bench, dice)
        for sent in bench.take():
            message = sent.message
            if isinstance(message, Request):
                check(message)
        bench.advance(dice.choice([0, 0, 0.01, 0.6]))
        if number % 100 == 99:
            assert bench.stack.transaction_count < 1000
            end_everything(bench)
            _, tag = bench.confirmed()
    end_everything(bench)
    counters = bench.stack.counters
    assert counters.unparsable > 20
    assert counters.malformed_requests > 100


@pytest.mark.parametrize("seed", range(in_proportion(2)))
def test_mutated_responses_raise_nothing_and_leave_nothing(seed: int) -> None:
    dice = random.Random(seed)
    bench = Bench()
    for number in range(700):
        credentials = dice.choice([None, Credentials("alice", "secret")])
        session, invite = bench.inviting(dice.choice([OFFER, None]), credentials=credentials)
        for status in dice.sample([100, 180, 183, 200, 200, 302, 401, 407, 407, 486, 487], 3):
            fields = [("Record-Route", "<sip:192.0.2.9;lr>")] * dice.randrange(2)
            fields.append((dice.choice(["WWW-Authenticate", "Proxy-Authenticate"]), CHALLENGE))
            datagram = response(invite, status, fields=fields, body=dice.choice([b"", ANSWER]))
            bench.receive(mutate(datagram, dice))
            again = [s.message for s in bench.sent if isinstance(s.message, Request)]
            invite = next((m for m in reversed(again) if m.method == "INVITE"), invite)
        if session.phase is Phase.CONFIRMED:
            bench.order(lambda now, session=session: session.acknowledge(ANSWER, now))  # type: ignore[misc]
        for sent in bench.take():
            if isinstance(message := sent.message, Request):
                check(message)
                status = dice.choice([200, 200, 401])
                fields = [("WWW-Authenticate", CHALLENGE)]
                bench.receive(mutate(response(message, status, fields=fields), dice))
        bench.take()
        if number % 50 == 49:
            end_everything(bench)
    end_everything(bench)


@pytest.mark.parametrize("seed", range(2))
def test_noise_raises_nothing_and_leaves_nothing(seed: int) -> None:
    dice = random.Random(seed)
    bench = Bench()
    for _ in range(1000):
        noise = b"".join(dice.choices(MORSELS, k=dice.randrange(1, 30)))
        bench.receive(noise)
        bench.receive(b"OPTIONS sip:a SIP/2.0\r\n" + noise)
        bench.receive(b"SIP/2.0 200 OK\r\n" + noise)
    end_everything(bench)
