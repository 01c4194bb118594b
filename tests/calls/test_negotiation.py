"""The offers and answers of one call: versions, holds, and offers of our own."""

import pytest

from gateway.calls.negotiation import Negotiation
from gateway.media.messages import Direction
from gateway.sdp.formats import DEFAULT_CODECS
from gateway.sdp.offer_answer import NotAcceptable
from gateway.sdp.session_description import SessionDescription

LOCAL = ("192.0.2.1", 20000)


def description(*lines: str, host: str = "198.51.100.7") -> bytes:
    head = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0")
    return "".join(f"{line}\r\n" for line in (*head, *lines)).encode()


AUDIO = ("m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000")
VIDEO = ("m=video 4002 RTP/AVP 31",)


def negotiation(*codecs: str) -> Negotiation:
    return Negotiation(LOCAL, "198.51.100.7", codecs or DEFAULT_CODECS)


def test_every_description_of_ours_has_a_higher_version() -> None:
    made = negotiation()
    versions = []
    for _ in range(3):
        answer, _ = made.answer(description(*AUDIO))
        versions.append(SessionDescription.parse(answer).origin.version)
    versions.append(SessionDescription.parse(made.offer()).origin.version)
    assert versions == [versions[0] + step for step in range(4)]


def test_media_holds_what_was_agreed() -> None:
    _, media = negotiation().answer(description(*AUDIO))
    assert media.remote == ("198.51.100.7", 4000)
    assert [(p.payload_type, p.encoding) for p in media.payloads] == [
        (8, "PCMA"),
        (96, "TELEPHONE-EVENT"),
    ]
    assert media.direction is Direction.SENDRECV
    assert not media.is_held


def test_offers_and_answers_have_the_codecs_of_the_trunk() -> None:
    both = ("m=audio 4000 RTP/AVP 0 8 9 13",)
    _, media = negotiation("PCMU", "G722").answer(description(*both))
    assert [payload.encoding for payload in media.payloads] == ["PCMU", "G722", "CN"]
    offer = SessionDescription.parse(negotiation("G722", "PCMA").offer())
    assert offer.media[0].formats == ("9", "8", "101")


def test_a_phone_gets_the_extended_reports_it_wants_and_no_others() -> None:
    _, media = negotiation().answer(description(*AUDIO, "a=rtcp-xr:voip-metrics"))
    assert (media.voip_metrics, media.receiver_round_trip) == (True, False)
    _, media = negotiation().answer(description(*AUDIO, "a=rtcp-xr:rcvr-rtt=all"))
    assert (media.voip_metrics, media.receiver_round_trip) == (False, True)
    _, media = negotiation().answer(description(*AUDIO))
    assert (media.voip_metrics, media.receiver_round_trip) == (False, False)


@pytest.mark.parametrize("hold", ["a=sendonly", "a=inactive"])
def test_an_offer_that_takes_our_media_away_is_a_hold(hold: str) -> None:
    made = negotiation()
    made.answer(description(*AUDIO))
    _, media = made.answer(description(*AUDIO, hold))
    assert media.is_held
    _, media = made.answer(description(*AUDIO))
    assert not media.is_held


def test_a_phone_that_only_ever_sends_is_not_on_hold() -> None:
    _, media = negotiation().answer(description(*AUDIO, "a=sendonly"))
    assert media.direction is Direction.RECVONLY
    assert not media.is_held


def test_a_later_offer_of_ours_repeats_streams_and_numbers_and_ends_a_hold() -> None:
    made = negotiation()
    made.answer(description(*VIDEO, *AUDIO))
    made.answer(description(*VIDEO, *AUDIO, "a=sendonly"))
    offer = SessionDescription.parse(made.offer())
    assert [(line.kind, line.port) for line in offer.media] == [("video", 0), ("audio", 20000)]
    assert offer.media[1].formats == ("8", "96")
    assert offer.direction_of(offer.media[1]).value == "sendrecv"
    media = made.answered(description("m=video 0 RTP/AVP 31", *AUDIO))
    assert media.payloads[0].encoding == "PCMA"
    assert not media.is_held


def test_an_answer_that_refuses_our_audio_is_not_acceptable() -> None:
    made = negotiation()
    made.offer()
    with pytest.raises(NotAcceptable):
        made.answered(description("m=audio 0 RTP/AVP 0"))
    with pytest.raises(NotAcceptable):
        made.answered(description("m=audio 4000 RTP/AVP 18"))
