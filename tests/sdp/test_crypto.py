"""a=crypto (RFC 4568): which lines we can do, and what an offer and its answer make of them."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sdp.crypto import SUITES, CryptoKeys, CryptoLine, SrtpPolicy, lines_of
from gateway.sdp.encryption import Encryption, Terms
from gateway.sdp.offer_answer import (
    Agreement,
    EncryptionRefused,
    NotAcceptable,
    make_answer,
    make_offer,
    offer_again,
    read_answer,
)
from gateway.sdp.session_description import Attribute, Direction, Origin, SessionDescription

LOCAL, REMOTE = ("198.51.100.1", 20000), ("192.0.2.1", 4000)
ORIGIN = Origin("198.51.100.1", "77", 1)
OFF, OFFERED, REQUIRED = SrtpPolicy.OFF, SrtpPolicy.OFFERED, SrtpPolicy.REQUIRED

# RFC 4568 section 4, 6.1 and 10.
RFC_KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
K80, K32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
G128, G256 = "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"


def inline(suite: str, octet: int = 7) -> str:
    """A key for a suite."""
    return "inline:" + base64.b64encode(bytes([octet]) * SUITES[suite]).decode()


def line(tag: int, suite: str, octet: int = 7, more: str = "") -> str:
    return f"crypto:{tag} {suite} {inline(suite, octet)}{more}"


def body(*attributes: str, protocol: str = "RTP/SAVP", formats: str = "8") -> SessionDescription:
    lines = [f"m=audio 4000 {protocol} {formats}", *(f"a={each}" for each in attributes)]
    return described(*lines)


def described(*lines: str) -> SessionDescription:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")
    return SessionDescription.parse("\r\n".join((*head, *lines)).encode())


def answer(
    offer: SessionDescription, srtp: SrtpPolicy = OFFERED, before: CryptoKeys | None = None
) -> tuple[SessionDescription, Agreement]:
    terms, held = Terms(srtp), Encryption(before)
    return make_answer(offer, LOCAL, ORIGIN, terms=terms, before=held)


def keys_of(offer: SessionDescription, **options: Any) -> CryptoKeys:
    _, agreement = answer(offer, **options)
    assert agreement.encryption.keys is not None
    return agreement.encryption.keys


# --- lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "mki"),
    [
        (f"1 {K80} inline:{RFC_KEY}", b""),
        (f"1 {K80} inline:{RFC_KEY}|2^20", b""),
        (f"1 {K80} inline:{RFC_KEY}|1048576", b""),
        (f"1 {K80} inline:{RFC_KEY}|2^20|1:4", b"\0\0\0\1"),
        (f"1 {K80} inline:{RFC_KEY}|1:32", bytes(31) + b"\1"),
        (f"1 {K80.lower()} INLINE:{RFC_KEY}  WSH=60 ", b""),
        (f"1 {K80} inline:{RFC_KEY} -SOMETHING=new", b""),
    ],
)
def test_a_line_of_the_rfc_is_understood(value: str, mki: bytes) -> None:
    parsed = CryptoLine.parse(value)
    assert parsed == CryptoLine(1, K80, b"YS___semctl () {\t220;}\n}\nunles", mki)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        f"1 {K80}",
        f"x {K80} inline:{RFC_KEY}",
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{RFC_KEY}",
        f"1 F8_128_HMAC_SHA1_80 inline:{RFC_KEY}",
        f"1 {K80} inline:{RFC_KEY[:-4]}",  # too short
        f"1 {K80} inline:{RFC_KEY}AAAA",
        f"1 {G256} inline:{RFC_KEY}",
        f"1 {K80} inline:{RFC_KEY[:-1]}",
        f"1 {K80} uri:{RFC_KEY}",
        f"1 {K80} inline:{RFC_KEY}|2^20|1:4;inline:{RFC_KEY}|2^20|2:4",
        f"1 {K80} inline:{RFC_KEY}|2^20|256:1",
        f"1 {K80} inline:{RFC_KEY}|2^20|1:0",
        f"1 {K80} inline:{RFC_KEY}|2^20|1:129",
        f"1 {K80} inline:{RFC_KEY}|x",
        f"1 {K80} inline:{RFC_KEY} KDR=1",
        f"1 {K80} inline:{RFC_KEY} UNENCRYPTED_SRTP",
        f"1 {K80} inline:{RFC_KEY} UNENCRYPTED_SRTCP",
        f"1 {K80} inline:{RFC_KEY} WSH=64 UNAUTHENTICATED_SRTP",
        f"1 {K80} inline:{RFC_KEY} FEC_ORDER=FEC_SRTP",
        f"1 {K80} inline:{RFC_KEY} SOMETHING=new",
    ],
)
def test_a_line_with_what_we_cannot_do_is_none(value: str) -> None:
    assert CryptoLine.parse(value) is None


@given(st.integers(0, 999_999_999), st.sampled_from(list(SUITES)))
def test_our_lines_are_read_as_they_were_meant(tag: int, suite: str) -> None:
    ours = CryptoLine.fresh(tag, suite)
    assert len(ours.key) == SUITES[suite]
    assert CryptoLine.parse(ours.attribute().value or "") == ours


@given(st.text(max_size=80) | st.from_regex(r"1 AES_CM_128_HMAC_SHA1_80 inline:.{0,60}"))
def test_any_line_is_read_or_left_alone(value: str) -> None:
    parsed = CryptoLine.parse(value)
    assert parsed is None or len(parsed.key) == SUITES[parsed.suite]


def test_keys_are_in_no_repr() -> None:
    offer = body(line(1, K80), f"crypto:2 X {inline(K80)}")
    made, agreement = answer(offer)
    text = repr((offer, made, agreement, lines_of(offer.media[0])))
    assert K80 in text
    assert inline(K80).removeprefix("inline:") not in text
    assert (made.media[0].value("crypto") or "").partition("inline:")[2] not in text
    assert agreement.encryption.keys is not None
    assert (
        repr(agreement.encryption.keys.local) not in text
        and repr(agreement.encryption.keys.remote) not in text
    )


# --- answers -------------------------------------------------------------------------------------


def test_the_first_line_we_can_do_is_answered_with_its_tag_and_a_key_of_our_own() -> None:
    made, agreement = answer(
        body("crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AAAA", line(7, G256, 3), line(8, K80))
    )
    assert made.media[0].protocol == "RTP/SAVP"
    (ours,) = lines_of(made.media[0])
    assert (ours.tag, ours.suite) == (7, G256)
    assert agreement.encryption.keys == CryptoKeys(G256, ours.key, bytes([3]) * 44)
    assert ours.key != agreement.encryption.keys.remote
    assert keys_of(body(line(7, G256))).local != ours.key


def test_an_identifier_of_the_peers_key_is_its_own() -> None:
    made, agreement = answer(body(line(1, K80, more="|2^31|1:1")))
    assert agreement.encryption.keys is not None and agreement.encryption.keys.remote_mki == b"\1"
    assert "|" not in (made.media[0].value("crypto") or "|")


PLAIN, OPTIONAL = body(protocol="RTP/AVP"), body(line(1, K80), protocol="RTP/AVP")
SECURE, FEEDBACK = body(line(1, K80)), body(line(1, K80), protocol="RTP/SAVPF")
KEYLESS, UNKNOWN = body(), body("crypto:1 X inline:AAAA")
UNKNOWN_OPTIONAL = body("crypto:1 X inline:AAAA", protocol="RTP/AVP")


@pytest.mark.parametrize(
    ("offer", "off", "offered", "required"),
    [
        (PLAIN, "plain", "plain", "refused"),
        (OPTIONAL, "plain", "encrypted", "encrypted"),
        (SECURE, "refused", "encrypted", "encrypted"),
        (FEEDBACK, "refused", "encrypted", "encrypted"),
        (KEYLESS, "refused", "refused", "refused"),
        (UNKNOWN, "refused", "refused", "refused"),
        (UNKNOWN_OPTIONAL, "plain", "plain", "refused"),
    ],
    ids=["plain", "optional", "secure", "feedback", "keyless", "unknown", "unknown-optional"],
)
def test_the_policy_decides(
    offer: SessionDescription, off: str, offered: str, required: str
) -> None:
    for policy, expected in ((OFF, off), (OFFERED, offered), (REQUIRED, required)):
        if expected == "refused":
            with pytest.raises(EncryptionRefused):
                answer(offer, policy)
            continue
        made, agreement = answer(offer, policy)
        assert (agreement.encryption.keys is not None) is (expected == "encrypted")
        assert (made.media[0].value("crypto") is not None) is (expected == "encrypted")
        assert made.media[0].protocol == offer.media[0].protocol


def test_encrypted_audio_is_taken_before_plain_audio_wherever_it_is() -> None:
    both = described("m=audio 4000 RTP/AVP 8", "m=audio 4002 RTP/SAVP 8", f"a={line(1, G128)}")
    made, agreement = answer(both)
    assert [each.port for each in made.media] == [0, 20000]
    assert agreement.encryption.keys is not None and agreement.encryption.keys.suite == G128
    made, agreement = answer(both, OFF)
    assert [each.port for each in made.media] == [20000, 0]
    assert agreement.encryption.keys is None


def test_no_codec_is_no_matter_of_encryption() -> None:
    with pytest.raises(NotAcceptable) as refused:
        answer(body(line(1, K80), formats="18"), REQUIRED)
    assert not isinstance(refused.value, EncryptionRefused)


# --- later offers --------------------------------------------------------------------------------


def test_who_offers_its_key_again_gets_ours_again() -> None:
    before = keys_of(body(line(1, K80), line(2, G128)))
    assert keys_of(body(line(1, K80), "sendonly"), before=before) == before
    assert keys_of(body(line(5, K80)), before=before) == before


@pytest.mark.parametrize(
    "other", [line(1, K80, 8), line(1, K32), line(1, G128), line(1, K80, more="|1:1")]
)
def test_who_has_another_key_or_suite_gets_another_of_ours(other: str) -> None:
    before = keys_of(body(line(1, K80)))
    after = keys_of(body(other), before=before)
    assert after.local != before.local
    assert after.remote == lines_of(body(other).media[0])[0].key


def test_our_later_offers_have_new_keys_for_the_suites_there_were() -> None:
    made, agreement = answer(body(line(4, G128)))
    again = offer_again(made, ORIGIN.raised())
    (ours,) = lines_of(again.media[0])
    assert (ours.tag, ours.suite) == (4, G128)
    assert agreement.encryption.keys is not None and ours.key != agreement.encryption.keys.local
    assert again.media[0].protocol == "RTP/SAVP"
    assert again.media[0].attributes[-1] == Attribute("sendrecv")


# --- our offers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "protocol", "suites"),
    [
        (OFF, "RTP/AVP", []),
        (OFFERED, "RTP/AVP", [K80]),
        (REQUIRED, "RTP/SAVP", [K80, G256, G128, K32]),
    ],
)
def test_what_we_offer(policy: SrtpPolicy, protocol: str, suites: list[str]) -> None:
    (media,) = make_offer(LOCAL, ORIGIN, srtp=policy).media
    assert media.protocol == protocol
    assert [each.suite for each in lines_of(media)] == suites
    assert len({each.tag for each in lines_of(media)}) == len(suites)
    assert len({each.key for each in lines_of(media)}) == len(suites)


@pytest.mark.parametrize("policy", [OFFERED, REQUIRED])
@pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/SAVP"])
@pytest.mark.parametrize("tag", [1, 9])
def test_an_answer_with_a_suite_of_ours_is_agreed_to(
    policy: SrtpPolicy, protocol: str, tag: int
) -> None:
    offer = make_offer(LOCAL, ORIGIN, srtp=policy)
    agreement = read_answer(offer, body(line(tag, K80, 5), protocol=protocol))
    ours = lines_of(offer.media[0])[0].key
    assert agreement.encryption.keys == CryptoKeys(K80, ours, bytes([5]) * 30)


@pytest.mark.parametrize(
    ("policy", "answered", "is_plain"),
    [
        (OFF, PLAIN, True),
        (OFF, OPTIONAL, True),  # of no meaning: nothing was offered
        (OFF, SECURE, False),
        (OFFERED, PLAIN, True),
        (OFFERED, body(line(1, G128), protocol="RTP/AVP"), False),  # which was not offered
        (OFFERED, UNKNOWN_OPTIONAL, False),
        (OFFERED, KEYLESS, False),
        (REQUIRED, PLAIN, False),
        (REQUIRED, KEYLESS, False),
        (REQUIRED, UNKNOWN, False),
        (REQUIRED, body(line(1, K80, more=" UNENCRYPTED_SRTP")), False),
    ],
)
def test_an_answer_without_keys_is_agreed_to_only_if_both_may_do_without(
    policy: SrtpPolicy, answered: SessionDescription, is_plain: bool
) -> None:
    offer = make_offer(LOCAL, ORIGIN, srtp=policy)
    if is_plain:
        assert read_answer(offer, answered).encryption.keys is None
        return
    with pytest.raises(EncryptionRefused):
        read_answer(offer, answered)


# --- any offer -----------------------------------------------------------------------------------

offered_lines = st.lists(
    st.builds(
        line,
        st.integers(1, 99),
        st.sampled_from(list(SUITES)),
        st.integers(0, 255),
        st.sampled_from(["", "", "|2^31", "|1:1", " WSH=64", " KDR=2", " UNENCRYPTED_SRTP"]),
    )
    | st.sampled_from(["crypto:1 X inline:AAAA", "crypto", "sendonly"]),
    max_size=4,
)
policies = st.sampled_from(SrtpPolicy)
protocols = st.sampled_from(["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "rtp/savpf"])


@given(offered_lines, protocols, policies)
def test_an_answer_has_no_suite_that_was_not_offered_and_policies_are_kept(
    lines: list[str], protocol: str, policy: SrtpPolicy
) -> None:
    offer = body(*lines, protocol=protocol)
    is_secure = "savp" in protocol.lower()
    try:
        made, agreement = answer(offer, policy)
    except EncryptionRefused:
        assert is_secure or policy is REQUIRED
        assert policy is OFF or not lines_of(offer.media[0])
        return
    ours = [each for each in made.media[0].attributes if each.name == "crypto"]
    assert len(ours) == (agreement.encryption.keys is not None)
    assert policy is not OFF or not ours
    assert ours or not (is_secure or policy is REQUIRED)
    offered = [(each.tag, each.suite) for each in lines_of(offer.media[0])]
    assert [(each.tag, each.suite) for each in lines_of(made.media[0])] == offered[: len(ours)]


@given(policies, policies, st.sampled_from(Direction))
def test_two_of_us_use_each_others_keys(
    ours: SrtpPolicy, theirs: SrtpPolicy, direction: Direction
) -> None:
    offer = make_offer(LOCAL, ORIGIN, srtp=ours, direction=direction)
    try:
        made, answering = make_answer(offer, REMOTE, Origin("192.0.2.1"), terms=Terms(theirs))
    except EncryptionRefused:
        assert {ours, theirs} == {OFF, REQUIRED}
        return
    offering = read_answer(SessionDescription.parse(offer.serialize()), made)
    if OFF in (ours, theirs):
        assert offering.encryption.keys is answering.encryption.keys is None
        return
    assert offering.encryption.keys is not None and answering.encryption.keys is not None
    assert offering.encryption.keys.suite == answering.encryption.keys.suite == K80
    assert offering.encryption.keys.local == answering.encryption.keys.remote
    assert offering.encryption.keys.remote == answering.encryption.keys.local
