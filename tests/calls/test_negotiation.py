"""The offers and answers of one call: versions, holds, and offers of our own."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.negotiation import Negotiation
from gateway.media.messages import Direction
from gateway.sdp.crypto import SrtpPolicy
from gateway.sdp.encryption import Terms
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
    return Negotiation(lambda host: LOCAL, "198.51.100.7", codecs or DEFAULT_CODECS)


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("0.0.0.0", None),  # on hold, or found by ICE
        ("phone.example.org", None),
    ],
)
def test_a_phone_is_answered_at_an_address_that_suits_its_own(
    offered: str, asked: str | None
) -> None:
    told = {asked: ("2001:db8::1", 20000), None: LOCAL}
    made = Negotiation(told.__getitem__, "198.51.100.7")
    offer = description(*VIDEO, *AUDIO, host="192.0.2.99").replace(
        b"m=audio 4000 RTP/AVP 8 96\r\n",
        f"m=audio 4000 RTP/AVP 8 96\r\nc=IN IP6 {offered}\r\n".encode(),
    )
    answer, _ = made.answer(offer)
    assert SessionDescription.parse(answer).connection == told[asked][0]


def test_an_offer_of_ours_names_the_address_for_its_signalling() -> None:
    made = Negotiation({None: ("2001:db8::1", 20000)}.__getitem__, "2001:db8::9")
    assert b"c=IN IP6 2001:db8::1\r\n" in made.offer()


def test_a_description_of_ours_has_a_higher_version_only_if_it_says_something_else() -> None:
    """RFC 3264 section 8, RFC 4028 section 7.4: a session that is only refreshed has no other."""
    made = negotiation()
    first, _ = made.answer(description(*AUDIO))
    refreshed, _ = made.answer(description(*AUDIO, host="198.51.100.8"))
    assert refreshed == first
    held, _ = made.answer(description(*AUDIO, "a=sendonly"))
    resumed, _ = made.answer(description(*AUDIO))
    offered = made.offer()
    assert made.offer() == offered
    told = (first, held, resumed, offered)
    versions = [SessionDescription.parse(each).origin.version for each in told]
    assert versions == [versions[0] + step for step in range(4)]


def test_what_says_where_a_description_is_from_is_made_of_letters_and_digits() -> None:
    answer, _ = negotiation().answer(description(*AUDIO))
    assert re.search(rb"o=[a-z]+ [0-9]+ [0-9]+ IN", answer)  # as SIPp's own `regexp` has it


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
    assert offer.media[1].formats == ("8", "111", "9", "0", "96", "110")
    assert offer.direction_of(offer.media[1]).value == "sendrecv"
    media = made.answered(description("m=video 0 RTP/AVP 31", *AUDIO))
    assert media.payloads[0].encoding == "PCMA"
    assert not media.is_held


def test_whoever_the_phone_connects_us_to_may_take_another_codec() -> None:
    """A PBX that transfers a call asks for an offer and passes it on (RFC 3261 14.2)."""
    made = negotiation()
    made.answer(description(*AUDIO))
    made.offer()
    media = made.answered(description("m=audio 5000 RTP/AVP 9 101"))
    assert [(each.payload_type, each.encoding) for each in media.payloads] == [(9, "G722")]
    assert made.answer(description(*AUDIO))[1].payloads[0].encoding == "PCMA"


def test_a_later_offer_has_no_more_than_the_codecs_of_the_trunk() -> None:
    made = negotiation("PCMU", "PCMA")
    made.answer(description(*AUDIO))
    assert SessionDescription.parse(made.offer()).media[0].formats == ("8", "0", "96")


def test_a_number_goes_on_to_stand_for_what_the_phone_has_called_it() -> None:
    made = negotiation()
    names = ("a=rtpmap:111 iSAC/16000", "a=rtpmap:110 opus/48000/2", "a=rtpmap:96 L16/8000")
    made.answer(description("m=audio 4000 RTP/AVP 111 110 96", *names))
    made.answer(description("m=audio 4000 RTP/AVP 0"))
    offered = SessionDescription.parse(made.offer()).media[0]
    assert offered.formats == ("0", "110", "9", "8", "97", "101")
    assert {number: each.encoding for number, each in offered.rtpmaps.items()} == {
        0: "PCMU",
        110: "OPUS",
        9: "G722",
        8: "PCMA",
        97: "TELEPHONE-EVENT",
        101: "TELEPHONE-EVENT",
    }


def test_an_answer_that_refuses_our_audio_is_not_acceptable() -> None:
    made = negotiation()
    made.offer()
    with pytest.raises(NotAcceptable):
        made.answered(description("m=audio 0 RTP/AVP 0"))
    with pytest.raises(NotAcceptable):
        made.answered(description("m=audio 4000 RTP/AVP 18"))


AUDIO_OFFERS = st.builds(
    lambda formats, more, direction: description(
        *more, f"m=audio 4000 RTP/AVP {' '.join(formats)}", "a=rtpmap:96 opus/48000/2", direction
    ),
    st.permutations(["0", "8", "9", "13", "96"]).flatmap(
        lambda formats: st.integers(1, 5).map(lambda count: formats[:count])
    ),
    st.sampled_from([(), VIDEO]),
    st.sampled_from(["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"]),
)


@given(st.lists(st.none() | AUDIO_OFFERS, max_size=8))
def test_through_any_number_of_offers_the_rules_of_a_session_hold(
    offers: list[bytes | None],
) -> None:
    """RFC 3264 section 8, where None is an offer of ours, which the peer answers as it is."""
    made = negotiation()
    described: list[SessionDescription] = []
    offered: list[bool] = []  # whether each was an offer
    for offer in offers:
        try:
            if offer is not None:
                answer, media = made.answer(offer)
                described.append(SessionDescription.parse(answer))
                theirs = SessionDescription.parse(offer)
                assert len(described[-1].media) == len(theirs.media)
                assert described[-1].times == theirs.times
            else:
                described.append(SessionDescription.parse(made.offer()))
                media = made.answered(described[-1].serialize())
        except NotAcceptable:
            continue
        offered.append(offer is None)
        ours = next(line for line in described[-1].media if line.port)
        assert str(media.payloads[0].payload_type) == ours.formats[0]
        assert ours.port == LOCAL[1]
    origins = [each.origin for each in described]
    assert len({(origin.session_id, origin.username, origin.host) for origin in origins}) <= 1
    for before, after in pairwise(described):
        step = after.origin.version - before.origin.version
        assert step == (replace(after, origin=before.origin) != before)
    for (before, after), is_offer in zip(pairwise(described), offered[1:], strict=bool(offered)):
        if is_offer:
            assert len(after.media) == len(before.media)
            for old, new in zip(before.media, after.media, strict=True):
                assert (old.kind, old.protocol) == (new.kind, new.protocol)
                assert old.formats[0] == new.formats[0]
                assert set(old.formats) <= set(new.formats)
    meanings = {(96, "OPUS")}
    for each in described:
        for line in each.media:
            meanings |= {(number, known.encoding) for number, known in line.rtpmaps.items()}
    assert len({number for number, _ in meanings}) == len(meanings)  # 8.3.2


KEYS = ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,)
OTHER_KEYS = ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "B" * 40,)


@pytest.mark.parametrize(
    ("srtp", "late", "opportunistic"),
    [
        (SrtpPolicy.OFF, "RTP/AVP", "RTP/AVP"),
        (SrtpPolicy.OFFERED, "RTP/AVP", "RTP/AVP with keys"),
        (SrtpPolicy.REQUIRED, "RTP/SAVP with keys", "RTP/SAVP with keys"),
    ],
)
def test_keys_beside_a_plain_profile_are_offered_where_another_offer_can_follow(
    srtp: SrtpPolicy, late: str, opportunistic: str
) -> None:
    def offered(wanted: SrtpPolicy | None) -> str:
        made = Negotiation(lambda host: LOCAL, "198.51.100.7", terms=Terms(srtp))
        offer = made.offer(wanted)
        (media,) = SessionDescription.parse(offer).media
        return media.protocol + (" with keys" if media.has("crypto") else "")

    assert offered(None) == late
    assert offered(srtp) == opportunistic


def test_media_holds_the_keys_and_a_hold_keeps_them() -> None:
    made = Negotiation(lambda host: LOCAL, "198.51.100.7", terms=Terms(SrtpPolicy.OFFERED))
    _, media = made.answer(description(*AUDIO, *KEYS))
    assert media.keys is not None
    assert (media.keys.suite, media.keys.remote) == ("AES_CM_128_HMAC_SHA1_80", bytes(30))
    assert len(media.keys.local) == 30
    assert repr(media.keys.local) not in repr(media)
    _, held = made.answer(description(*AUDIO, *KEYS, "a=sendonly"))
    assert held.keys == media.keys
    _, rekeyed = made.answer(description(*AUDIO, *OTHER_KEYS))
    assert rekeyed.keys is not None and rekeyed.keys.local != media.keys.local
    assert made.srtp == "AES_CM_128_HMAC_SHA1_80"
    _, plain = made.answer(description(*AUDIO))
    assert plain.keys is None
    assert made.srtp == "none"


def test_a_refused_offer_leaves_the_keys_that_hold() -> None:
    made = Negotiation(lambda host: LOCAL, "198.51.100.7", terms=Terms(SrtpPolicy.REQUIRED))
    _, media = made.answer(description("m=audio 4000 RTP/SAVP 8", *KEYS))
    with pytest.raises(NotAcceptable):
        made.answer(description(*AUDIO))
    _, again = made.answer(description("m=audio 4000 RTP/SAVP 8", *KEYS))
    assert again.keys == media.keys


def test_an_offer_of_ours_that_is_answered_early_and_again_keeps_its_key() -> None:
    made = Negotiation(lambda host: LOCAL, "198.51.100.7", terms=Terms(SrtpPolicy.REQUIRED))
    made.offer()
    early = made.answered(description("m=audio 4000 RTP/SAVP 8", *KEYS))
    final = made.answered(description("m=audio 4000 RTP/SAVP 8", *OTHER_KEYS))
    assert early.keys is not None and final.keys is not None
    assert early.keys.local == final.keys.local
    assert early.keys.remote != final.keys.remote


OUR_FINGERPRINT = ("sha-256", ":".join(["0F"] * 32))
WEB_AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 8",
    "a=rtcp-mux",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
    "a=setup:actpass",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:a password of 22 letters",
)


def test_media_of_a_web_phone_holds_what_a_handshake_needs() -> None:
    made = Negotiation(
        lambda host: LOCAL, "198.51.100.7", terms=Terms(SrtpPolicy.OFFERED, OUR_FINGERPRINT)
    )
    _, media = made.answer(description(*WEB_AUDIO, host="0.0.0.0"))
    assert media.dtls is not None and media.dtls.ice is not None
    assert media.dtls.fingerprints[0].value == ":".join(["AB"] * 32)
    assert (media.dtls.setup, media.dtls.ice.remote_ufrag) == ("passive", "abcd")
    assert media.dtls.ice.pwd not in repr(media)
    assert media.dtls.ice.remote_pwd == "a password of 22 letters"
    assert media.dtls.ice.remote_pwd not in repr(media)
    assert (media.keys, media.remote, media.rtcp_mux) == (None, None, True)
    assert (media.direction, made.srtp) == (Direction.SENDRECV, "dtls")
    answer, held = made.answer(description(*WEB_AUDIO, "a=sendonly", host="0.0.0.0"))
    assert (held.dtls, held.is_held) == (media.dtls, True)
    assert f"a=ice-ufrag:{media.dtls.ice.ufrag}\r\n".encode() in answer
