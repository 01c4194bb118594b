"""Offers of DTLS-SRTP and ICE as browsers and phones make them, and how we answer."""

from dataclasses import replace

import pytest

from gateway.sdp.crypto import SrtpPolicy
from gateway.sdp.dtls import DtlsParameters, IceCredentials
from gateway.sdp.encryption import PLAIN, Encryption, Terms
from gateway.sdp.offer_answer import (
    Agreement,
    EncryptionRefused,
    make_answer,
    offer_again,
    read_answer,
)
from gateway.sdp.session_description import Direction, Origin, SessionDescription
from tests.sdp.descriptions import lines

LOCAL = ("198.51.100.1", 20000)
ORIGIN = Origin("198.51.100.1", "77", 1)
OURS = ("sha-256", ":".join(["0F"] * 32))
THEIRS = ("sha-256", ":".join(["AB"] * 32))
TERMS = Terms(SrtpPolicy.OFFERED, OURS)

# A browser over SIP: trickle, so that neither address nor port says anything.
BROWSER = lines(f"""
    v=0
    o=- 4611731400430051336 2 IN IP4 127.0.0.1
    s=-
    t=0 0
    a=group:BUNDLE 0 1
    a=extmap-allow-mixed
    a=msid-semantic: WMS
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 126
    c=IN IP4 0.0.0.0
    a=rtcp:9 IN IP4 0.0.0.0
    a=candidate:1 1 udp 2122260223 192.0.2.4 50000 typ host generation 0
    a=ice-ufrag:F7gI
    a=ice-pwd:x9cml/YzichV2+XlhiMu8g3u
    a=ice-options:trickle
    a=fingerprint:sha-256 {THEIRS[1].lower()}
    a=setup:actpass
    a=mid:0
    a=sendrecv
    a=rtcp-mux
    a=rtpmap:111 opus/48000/2
    a=rtpmap:126 telephone-event/8000
    m=video 9 UDP/TLS/RTP/SAVPF 96
    c=IN IP4 0.0.0.0
    a=mid:1
    a=rtpmap:96 VP8/90000
""")

# A desk phone: no ICE, fingerprint and role before the stream.
DESK = lines(f"""
    v=0
    o=- 1 1 IN IP4 192.0.2.1
    s=-
    c=IN IP4 192.0.2.1
    t=0 0
    a=fingerprint:SHA-256 {THEIRS[1]}
    a=setup:active
    m=audio 4000 UDP/TLS/RTP/SAVP 8
    a=rtcp-mux
""")


def answer(
    offer: bytes, terms: Terms = TERMS, before: Encryption = PLAIN
) -> tuple[SessionDescription, Agreement]:
    return make_answer(SessionDescription.parse(offer), LOCAL, ORIGIN, terms=terms, before=before)


def agreed(offer: bytes, before: Encryption = PLAIN) -> DtlsParameters:
    dtls = answer(offer, before=before)[1].encryption.dtls
    assert dtls is not None
    return dtls


def test_a_browser_is_answered_by_a_lite_agent_with_one_candidate() -> None:
    description, agreement = answer(BROWSER)
    dtls = agreement.encryption.dtls
    assert dtls is not None and dtls.ice is not None
    assert (dtls.fingerprints, dtls.setup) == ((THEIRS,), "passive")
    assert dtls.ice.remote_ufrag == "F7gI"
    assert len(dtls.ice.pwd) >= 22 and dtls.ice.pwd not in repr((description, agreement))
    assert agreement.remote is agreement.remote_rtcp is None
    assert (agreement.rtcp_mux, agreement.direction) == (True, Direction.SENDRECV)
    assert description.serialize() == (
        b"v=0\r\n"
        b"o=- 77 1 IN IP4 198.51.100.1\r\n"
        b"s=-\r\n"
        b"c=IN IP4 198.51.100.1\r\n"
        b"t=0 0\r\n"
        b"a=ice-lite\r\n"
        b"a=group:BUNDLE 0\r\n"
        b"m=audio 20000 UDP/TLS/RTP/SAVPF 111 126\r\n"
        b"a=rtpmap:111 opus/48000/2\r\n"
        b"a=fmtp:111 useinbandfec=1;stereo=0;maxplaybackrate=16000\r\n"
        b"a=rtpmap:126 telephone-event/8000\r\n"
        b"a=fmtp:126 0-15\r\n"
        b"a=ptime:20\r\n"
        b"a=rtcp-mux\r\n"
        b"a=mid:0\r\n"
        b"a=ice-ufrag:" + dtls.ice.ufrag.encode() + b"\r\n"
        b"a=ice-pwd:" + dtls.ice.pwd.encode() + b"\r\n"
        b"a=candidate:1 1 UDP 2130706431 198.51.100.1 20000 typ host\r\n"
        b"a=end-of-candidates\r\n"
        b"a=fingerprint:sha-256 " + OURS[1].encode() + b"\r\n"
        b"a=setup:passive\r\n"
        b"a=sendrecv\r\n"
        b"m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    )


def test_a_phone_without_ice_is_where_it_says() -> None:
    description, agreement = answer(DESK)
    assert agreement.encryption.dtls == DtlsParameters((THEIRS,), "passive")
    assert agreement.remote == ("192.0.2.1", 4000)
    assert not description.attributes
    assert not description.media[0].has("candidate")


def test_a_port_for_rtcp_alone_is_no_reason_to_refuse_a_phone() -> None:
    description, agreement = answer(DESK.replace(b"a=rtcp-mux\r\n", b""))
    assert agreement.encryption.dtls == DtlsParameters((THEIRS,), "passive")
    assert not (agreement.rtcp_mux or description.media[0].has("rtcp-mux"))


def test_a_phone_that_would_check_a_port_for_rtcp_as_well_is_answered_without_ice() -> None:
    # pjsua and Linphone with ICE, DTLS and no rtcp-mux: they then use the addresses they say.
    ice = b"a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g3u\r\n"
    candidates = b"".join(
        b"a=candidate:1 %d UDP 2130706431 192.0.2.1 %d typ host\r\n" % (component, port)
        for component, port in ((1, 4000), (2, 4001))
    )
    description, agreement = answer(DESK.replace(b"a=rtcp-mux\r\n", ice + candidates))
    assert agreement.encryption.dtls == DtlsParameters((THEIRS,), "passive")
    assert agreement.remote == ("192.0.2.1", 4000)
    assert b"ice" not in description.serialize() and b"candidate" not in description.serialize()


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF"])
def test_a_stream_that_must_be_encrypted_and_states_no_keys_gets_them_from_dtls(
    protocol: str,
) -> None:
    offer = DESK.replace(b"UDP/TLS/RTP/SAVP", protocol.encode())
    description, agreement = answer(offer)
    assert agreement.encryption.dtls == DtlsParameters((THEIRS,), "passive")
    assert description.media[0].protocol == protocol
    assert description.media[0].value("fingerprint") == " ".join(OURS)
    again = read_answer(
        offer_again(description, ORIGIN.raised()),
        SessionDescription.parse(offer),
        agreement.encryption,
    )
    assert again.encryption == agreement.encryption
    line = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40 + b"\r\n"
    stated = answer(offer + line)[1].encryption
    assert stated.keys is not None and stated.dtls is None


def test_who_wants_to_be_the_server_gets_a_client() -> None:
    passive = agreed(DESK.replace(b"setup:active", b"setup:passive"))
    assert passive.setup == "active"


@pytest.mark.parametrize(
    "offer",
    [
        BROWSER.replace(b"a=rtcp-mux\r\n", b""),
        DESK.replace(b"a=fingerprint", b"a=x-fingerprint"),
        DESK.replace(b"UDP/TLS/", b"").replace(b"a=fingerprint", b"a=x-fingerprint"),
        DESK.replace(b":AB", b":XY"),
        BROWSER.replace(b"ice-ufrag:F7gI", b"ice-ufrag:F"),
    ],
    ids=["a path to check for RTCP", "no fingerprint", "nothing", "no hexadecimal", "short ufrag"],
)
def test_what_cannot_be_secured_is_refused(offer: bytes) -> None:
    with pytest.raises(EncryptionRefused):
        answer(offer)


@pytest.mark.parametrize("terms", [Terms(SrtpPolicy.OFF, OURS), Terms(SrtpPolicy.REQUIRED)])
def test_without_a_certificate_or_against_the_policy_there_is_no_dtls(terms: Terms) -> None:
    with pytest.raises(EncryptionRefused):
        answer(BROWSER, terms)
    assert answer(DESK, Terms(SrtpPolicy.REQUIRED, OURS))[1].encryption.dtls is not None


def test_the_same_user_fragment_goes_on_and_another_restarts_ice() -> None:
    first = agreed(BROWSER)
    assert agreed(BROWSER, Encryption(dtls=first)) == first
    again = agreed(BROWSER.replace(b"F7gI", b"zzzz"), Encryption(dtls=first))
    assert first.ice is not None and again.ice is not None
    assert again.ice.remote_ufrag == "zzzz"
    assert (again.ice.ufrag != first.ice.ufrag, again.ice.pwd != first.ice.pwd) == (True, True)


def test_with_another_lite_agent_there_is_no_ice_since_neither_would_check() -> None:
    lite = DESK.replace(b"t=0 0\r\n", b"t=0 0\r\na=ice-lite\r\n")
    lite += b"a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g3u\r\n"
    description, agreement = answer(lite)
    assert agreement.remote == ("192.0.2.1", 4000)
    assert agreement.encryption.dtls == replace(agreed(DESK), ice=None)
    assert b"ice" not in description.serialize() and b"candidate" not in description.serialize()


@pytest.mark.parametrize(("offered", "ours"), [(b"passive", "active"), (b"active", "passive")])
def test_who_lets_us_choose_later_goes_on_with_the_role_it_has(offered: bytes, ours: str) -> None:
    first = agreed(DESK.replace(b"setup:active", b"setup:" + offered))
    again = DESK.replace(b"setup:active", b"setup:actpass")
    assert (first.setup, agreed(again, Encryption(dtls=first)).setup) == (ours, ours)


def test_somebody_else_who_lets_us_choose_becomes_the_client() -> None:
    first = agreed(DESK.replace(b"setup:active", b"setup:passive"))
    other = DESK.replace(b"setup:active", b"setup:actpass").replace(b"AB:AB", b"CD:CD")
    assert agreed(other, Encryption(dtls=first)).setup == "passive"


def test_an_offer_of_ours_that_follows_lets_the_peer_choose_its_role_again() -> None:
    description, agreement = answer(BROWSER)
    offered = offer_again(description, ORIGIN.raised())
    assert offered.media[0].value("setup") == "actpass"
    theirs = BROWSER.replace(b"setup:actpass", b"setup:active")
    after = read_answer(offered, SessionDescription.parse(theirs), agreement.encryption)
    assert after.encryption == agreement.encryption
    keyless = SessionDescription.parse(BROWSER.replace(b"fingerprint", b"x"))
    with pytest.raises(EncryptionRefused):
        read_answer(offered, keyless, agreement.encryption)


def test_what_is_said_of_ice_on_a_plain_stream_means_nothing() -> None:
    plain = BROWSER.replace(b"UDP/TLS/RTP/SAVPF", b"RTP/AVP").replace(b"0.0.0.0", b"192.0.2.1")
    description, agreement = answer(plain)
    assert agreement.encryption == PLAIN
    assert agreement.remote == ("192.0.2.1", 9)
    assert not description.attributes


def test_credentials_are_compared_without_being_shown() -> None:
    credentials = IceCredentials("ours", "a secret", "them")
    assert credentials != replace(credentials, pwd="another")
    assert "a secret" not in repr(credentials)
