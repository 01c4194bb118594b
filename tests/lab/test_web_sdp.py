"""What a browser is offered, and what is made of its answer."""

import pytest

from gateway.errors import SdpError
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.lab.web_negotiation import Negotiation
from gateway.lab.web_sdp import MAX_SEATS, bridge_offer, read_answer, seat
from gateway.media.messages import IceCandidate
from gateway.sdp.session_description import Direction, SessionDescription
from gateway.xmpp.sources import SignalledSource
from tests.lab.browser import FINGERPRINT, answer_to

ANN = SignalledSource("aaaa0001", 11, "aaaa0001-a0", "aaaa0001-audio-0-1 track")
BOB = SignalledSource("bbbb0002", 22, "bbbb0002-a0", "bbbb0002-audio-0-1 track")
CEC = SignalledSource("cccc0003", 33, "cccc0003-a0", "cccc0003-audio-0-1 track")

CANDIDATE = IceCandidate("1", 1, "udp", 2130706431, "127.0.0.1", 4443, "host")
TRANSPORT = BridgeTransportOffer("ufrag", "p" * 26, "sha-256", "ab:cd", (CANDIDATE,))


def parsed(*seats: SignalledSource | None, **config: int) -> SessionDescription:
    offer = bridge_offer(TRANSPORT, OfferConfig(**config), seats, version=3)
    return SessionDescription.parse(offer.encode())


def test_the_first_section_takes_the_microphone_and_each_other_gives_one_source() -> None:
    offer = parsed(ANN, None, BOB)
    directions = [offer.direction_of(media) for media in offer.media]
    assert directions == [
        Direction.RECVONLY,
        Direction.SENDONLY,
        Direction.INACTIVE,
        Direction.SENDONLY,
    ]
    assert [media.value("mid") for media in offer.media] == ["0", "1", "2", "3"]
    assert dict(offer.attributes)["group"] == "BUNDLE 0 1 2 3"
    assert [media.value("ssrc") for media in offer.media] == [
        None,
        "11 cname:aaaa0001",
        None,
        "22 cname:bbbb0002",
    ]
    assert offer.origin.version == 3


def test_a_section_has_the_whole_transport_and_the_labs_own_numbers() -> None:
    for media in parsed(ANN, opus=109, audio_level=7).media:
        assert media.protocol == "UDP/TLS/RTP/SAVPF"
        assert media.formats == ("109",)
        assert media.rtpmaps[109].encoding == "OPUS"
        assert media.value("ice-ufrag") == "ufrag"
        assert media.value("ice-pwd") == "p" * 26
        assert media.value("fingerprint") == "sha-256 AB:CD"
        assert media.value("setup") == "actpass"
        assert media.value("candidate") == "1 1 udp 2130706431 127.0.0.1 4443 typ host"
        assert media.value("extmap") == "7 urn:ietf:params:rtp-hdrext:ssrc-audio-level"
        assert ("rtcp-mux", None) in media.attributes


def test_an_owner_cannot_write_lines_of_its_own_into_an_offer() -> None:
    nasty = SignalledSource("x\r\na=evil", 5, "n", "m\r\na=evil")
    offer = bridge_offer(TRANSPORT, OfferConfig(), (nasty,), version=1)
    assert "a=evil" not in offer.splitlines()
    assert "a=ssrc:5 cname:xaevil" in offer.splitlines()


def test_who_goes_leaves_a_seat_that_the_next_takes() -> None:
    assert seat((), [ANN, BOB]) == (ANN, BOB)
    assert seat((ANN, BOB), [BOB]) == (None, BOB)
    assert seat((None, BOB), [BOB, CEC]) == (CEC, BOB)
    assert seat((CEC, BOB), [ANN, BOB, CEC]) == (CEC, BOB, ANN)


def test_whoever_finds_no_seat_is_not_offered() -> None:
    crowd = [SignalledSource(f"{number:08}", number) for number in range(1, MAX_SEATS + 10)]
    assert seat((), crowd) == tuple(crowd[:MAX_SEATS])


def test_a_full_offer_can_be_read_and_answered() -> None:
    crowd = tuple(SignalledSource(f"{number:08}", number) for number in range(1, MAX_SEATS + 1))
    assert len(parsed(*crowd).media) == MAX_SEATS + 1


def test_an_answer_has_the_browsers_half_of_the_transport() -> None:
    answer = read_answer(answer_to(bridge_offer(TRANSPORT, OfferConfig(), (), version=1), ssrc=77))
    assert (answer.ufrag, answer.pwd, answer.setup) == ("abcd", "w" * 24, "active")
    assert answer.fingerprint == ("sha-256", FINGERPRINT.upper())
    assert answer.ssrc == 77
    assert "wwww" not in repr(answer)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda sdp: "", "not a session description"),
        (lambda sdp: "v=0\r\n", "rejects the microphone"),
        (lambda sdp: sdp.replace("m=audio 9", "m=audio 0"), "rejects the microphone"),
        (lambda sdp: sdp.replace("a=sendonly", "a=inactive"), "sends nothing"),
        (lambda sdp: sdp.replace("a=ssrc:77", "a=x"), "no a=ssrc"),
        (lambda sdp: sdp.replace("a=ssrc:77", "a=ssrc:0"), "a=ssrc is 0"),
        (lambda sdp: sdp.replace("a=ssrc:77", "a=ssrc:4294967296"), "a=ssrc is 4294967296"),
        (lambda sdp: sdp.replace("a=ssrc:77", "a=ssrc:-1"), "a=ssrc of the answer"),
        (lambda sdp: sdp.replace("a=ice-ufrag:abcd", "a=ice-ufrag:a b"), "a=ice-ufrag"),
        (lambda sdp: sdp.replace("a=ice-ufrag:abcd", "a=nothing"), "no a=ice-ufrag"),
        (lambda sdp: sdp.replace("w" * 24, "w" * 21), "a=ice-pwd"),
        (lambda sdp: sdp.replace("a=setup:active", "a=setup:actpass"), "a=setup is 'actpass'"),
        (lambda sdp: sdp.replace("sha-256", "md5"), "a=fingerprint"),
        (lambda sdp: sdp.replace("a=ice-pwd", "a=ice-pwd:\ud800"), "a=ice-pwd"),
    ],
)
def test_an_answer_that_lacks_something_is_refused_with_words(wrong, words: str) -> None:
    good = answer_to(bridge_offer(TRANSPORT, OfferConfig(), (), version=1), ssrc=77)
    with pytest.raises(SdpError, match=words):
        read_answer(wrong(good))


def test_one_offer_at_a_time_and_none_without_news() -> None:
    negotiation = Negotiation(TRANSPORT, OfferConfig())
    first = negotiation.offer([ANN], 0.0)
    assert first is not None
    assert (first.id, first.owners) == (1, {"1": "aaaa0001"})
    assert negotiation.offer([ANN, BOB], 1.0) is None
    negotiation.answer(1, answer_to(first.sdp, ssrc=77), frozenset())
    assert negotiation.offer([ANN], 2.0) is None
    second = negotiation.offer([BOB], 3.0)
    assert second is not None
    assert (second.id, second.owners) == (2, {"1": "bbbb0002"})


def test_an_offer_is_answered_once_by_the_same_microphone_and_in_time() -> None:
    negotiation = Negotiation(TRANSPORT, OfferConfig())
    offer = negotiation.offer([], 0.0)
    assert offer is not None
    good = answer_to(offer.sdp, ssrc=77)
    for id_, taken in ((2, ()), (0, ()), (1, (77,))):
        with pytest.raises(SdpError):
            negotiation.answer(id_, good, frozenset(taken))
    assert not negotiation.is_overdue(20.0)
    assert negotiation.is_overdue(20.1)
    negotiation.answer(1, good, frozenset())
    assert not negotiation.is_overdue(100.0)
    with pytest.raises(SdpError, match="no offer 1"):
        negotiation.answer(1, good, frozenset())
    assert negotiation.offer([ANN], 100.0) is not None
    with pytest.raises(SdpError, match="has changed"):
        negotiation.answer(2, answer_to(offer.sdp, ssrc=78), frozenset())
