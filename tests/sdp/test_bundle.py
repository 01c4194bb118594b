"""Offers whose audio goes over the path of another stream only (`a=bundle-only`)."""

import pytest

from gateway.sdp.crypto import SrtpPolicy
from gateway.sdp.encryption import Terms
from gateway.sdp.offer_answer import (
    NotAcceptable,
    audio_host,
    make_answer,
    offer_again,
    read_answer,
)
from gateway.sdp.session_description import Direction, Origin, SessionDescription
from tests.sdp.descriptions import lines
from tests.sdp.test_dtls import LOCAL, OURS, THEIRS

AUDIO = "m=audio 20000 UDP/TLS/RTP/SAVPF 111"
FINGERPRINT = THEIRS[1].encode()
ORIGIN = Origin("198.51.100.1", "77", 1)
TERMS = Terms(SrtpPolicy.OFFERED, OURS)

# A browser with "max-bundle" whose page adds its video first.
VIDEO_FIRST = lines(f"""
    v=0
    o=- 1 2 IN IP4 127.0.0.1
    s=-
    t=0 0
    a=group:BUNDLE 0 1
    m=video 50000 UDP/TLS/RTP/SAVPF 96
    c=IN IP4 192.0.2.4
    a=candidate:1 1 udp 2122260223 192.0.2.4 50000 typ host generation 0
    a=ice-ufrag:F7gI
    a=ice-pwd:x9cml/YzichV2+XlhiMu8g3u
    a=fingerprint:sha-256 {THEIRS[1].lower()}
    a=setup:actpass
    a=mid:0
    a=rtcp-mux
    a=rtpmap:96 VP8/90000
    m=audio 0 UDP/TLS/RTP/SAVPF 111
    c=IN IP4 0.0.0.0
    a=mid:1
    a=bundle-only
    a=sendrecv
    a=rtpmap:111 opus/48000/2
""")


def answered(offer: bytes) -> list[str]:
    answer, _ = make_answer(SessionDescription.parse(offer), LOCAL, ORIGIN, terms=TERMS)
    return answer.serialize().decode().split("\r\n")


def test_audio_that_is_offered_in_a_bundle_only_is_answered_with_the_path_of_the_bundle() -> None:
    offer = SessionDescription.parse(VIDEO_FIRST)
    answer, agreement = make_answer(offer, LOCAL, ORIGIN, terms=TERMS)
    assert [(each.kind, each.port) for each in answer.media][1] == ("audio", 20000)
    dtls = agreement.encryption.dtls
    assert dtls is not None and dtls.ice is not None
    assert (dtls.fingerprints, dtls.ice.remote_ufrag) == ((THEIRS,), "F7gI")
    assert agreement.rtcp_mux
    assert audio_host(offer) == "192.0.2.4"


MAX_BUNDLE = (  # as Chromium writes it
    VIDEO_FIRST.replace(b"m=audio 0", b"m=audio 9")
    .replace(b"a=bundle-only", b"a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g3u")
    .replace(b"a=sendrecv", b"a=sendrecv\r\na=rtcp-mux\r\na=fingerprint:sha-256 " + FINGERPRINT)
)


@pytest.mark.parametrize("offered", [VIDEO_FIRST, MAX_BUNDLE])
def test_the_stream_whose_path_the_audio_has_is_kept_without_media_or_the_path_were_gone(
    offered: bytes,
) -> None:
    text = answered(offered)
    assert "a=group:BUNDLE 0 1" in text
    video = text[text.index("m=video 20000 UDP/TLS/RTP/SAVPF 96") : text.index(AUDIO)]
    assert video[1:4] == ["a=mid:0", "a=rtpmap:96 VP8/90000", "a=inactive"]
    audio = text[text.index(AUDIO) :]
    path = [each for each in video if each.startswith(("a=ice-", "a=candidate", "a=fingerprint"))]
    assert len(path) == 4 and set(path) < set(audio)


def test_a_description_with_such_a_stream_is_offered_again_with_it() -> None:
    offer = SessionDescription.parse(VIDEO_FIRST)
    answer, before = make_answer(offer, LOCAL, ORIGIN, terms=TERMS)
    again = offer_again(answer, ORIGIN.raised())
    video, audio = again.media
    assert (video.kind, video.formats, video.value("setup")) == ("video", ("96",), "actpass")
    assert again.direction_of(video) is Direction.INACTIVE
    assert again.direction_of(audio) is Direction.SENDRECV
    theirs, _ = make_answer(again, ("192.0.2.4", 4000), ORIGIN, terms=Terms(TERMS.srtp, THEIRS))
    agreement = read_answer(again, theirs, before.encryption)
    assert agreement.formats[0].encoding == "OPUS"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a=ice-ufrag:F7gI\r\na=ice-pwd", b"a=ice-ufrag:own1\r\na=ice-pwd"),  # the audio's
        (b"UDP/TLS/RTP/SAVPF 96", b"UDP/DTLS/SCTP webrtc-datachannel"),
    ],
)
def test_a_stream_is_refused_whose_path_is_another_or_that_is_no_rtp(
    old: bytes, new: bytes
) -> None:
    before, found, after = MAX_BUNDLE.rpartition(old)
    assert found
    text = answered(before + new + after)
    assert any(line.startswith("m=video 0 ") for line in text)
    assert "a=group:BUNDLE 1" in text


def test_what_such_a_stream_says_itself_counts() -> None:
    offer = VIDEO_FIRST.replace(b"a=bundle-only", b"a=bundle-only\r\na=ice-ufrag:own1")
    _, agreement = make_answer(SessionDescription.parse(offer), LOCAL, ORIGIN, terms=TERMS)
    dtls = agreement.encryption.dtls
    assert dtls is not None and dtls.ice is not None and dtls.ice.remote_ufrag == "own1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a=bundle-only\r\n", b""),
        (b"a=group:BUNDLE 0 1\r\n", b""),
        (b"BUNDLE 0 1", b"BUNDLE 0"),
        (b"BUNDLE 0 1", b"BUNDLE 1 0"),
        (b"BUNDLE 0 1", b"BUNDLE 7 1"),
        (b"m=video 50000", b"m=video 0"),
        (b"UDP/TLS/RTP/SAVPF", b"RTP/AVPF"),  # our answer would be no bundle
    ],
)
def test_audio_with_port_0_that_is_in_no_bundle_which_has_a_path_is_refused(
    old: bytes, new: bytes
) -> None:
    with pytest.raises(NotAcceptable):
        answered(VIDEO_FIRST.replace(old, new))


def test_a_description_with_very_many_groups_is_read_as_far_as_one_with_a_few() -> None:
    many = b"a=group:BUNDLE x\r\n" * 15
    assert answered(VIDEO_FIRST.replace(b"a=group", many + b"a=group"))
    with pytest.raises(NotAcceptable):
        answered(VIDEO_FIRST.replace(b"a=group", many * 2 + b"a=group"))
