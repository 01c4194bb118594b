import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.address import MAX_LENGTH, RoomAddress, outer_room
from gateway.errors import ConferenceError, JoinFailure

DOMAINS = ("conference.meet.test", "muc.other.test")


def name(text: str) -> str:
    return RoomAddress.parse(text, DOMAINS).name


# What jitsi-meet makes of the same text in its URL: some characters are left out unless they are
# encoded (parseURIString), then comes decodeURIComponent (if it can), NFKC, toLowerCase,
# encodeURIComponent, toLowerCase (getBackendSafeRoomName).
@pytest.mark.parametrize(
    ("text", "browsers"),
    [
        ("room", "room"),
        ("MyRoom", "myroom"),
        ("My Room", "my%20room"),
        ("My%20Room", "my%20room"),
        ("Straße", "stra%c3%9fe"),
        ("Stra%C3%9Fe", "stra%c3%9fe"),
        ("Stra%c3%9fe", "stra%c3%9fe"),
        ("ÉTÉ", "%c3%a9t%c3%a9"),
        ("E\u0301", "%c3%a9"),  # composed by NFKC
        ("ﬁsh", "fish"),  # a ligature
        ("Ｒｏｏｍ", "room"),  # full width
        ("Ⅳ", "iv"),
        ("会議", "%e4%bc%9a%e8%ad%b0"),
        ("ΟΔΟΣ", "%ce%bf%ce%b4%ce%bf%cf%82"),  # a final sigma
        ("İ", "i%cc%87"),
        ("😀", "%f0%9f%98%80"),
        ("a-b_c.d~e", "a-b_c.d~e"),
        ("room(1)", "room1"),
        ("a+b", "ab"),
        ("o'neil", "oneil"),
        ("a%2Bb", "a%2bb"),
        ("100%", "100%25"),  # not encoded at all, as it seems
        ("100%25", "100%25"),
        ("100%zz", "100%25zz"),
        ("a%20b%", "a%2520b%25"),  # decoded as a whole or not at all
        ("a%ffb", "a%25ffb"),
        ("%2540", "%2540"),  # decoded once only
        ("a?b#c", "abc"),
        ('a"b<c>', "abc"),
        ("a:b", "ab"),
        ("a%3Ab%28c%29", "a%3ab(c)"),
        ("%20room", "%20room"),
        ("..", ".."),
    ],
)
def test_a_name_becomes_what_browsers_make_of_it(text: str, browsers: str) -> None:
    assert name(text) == browsers


def test_space_around_a_header_value_is_no_part_of_a_name() -> None:
    assert name("  room\t") == "room"


def test_a_bare_name_is_a_room_of_the_first_domain() -> None:
    assert RoomAddress.parse("room", DOMAINS) == RoomAddress("room", "conference.meet.test")
    assert RoomAddress.parse("room", DOMAINS).jid == "room@conference.meet.test"


@pytest.mark.parametrize("at", ["@", "%40"])
@pytest.mark.parametrize("domain", ["muc.other.test", "MUC.Other.Test"])
def test_an_address_names_one_of_the_domains(at: str, domain: str) -> None:
    found = RoomAddress.parse(f"Room{at}{domain}", DOMAINS)
    assert found == RoomAddress("room", "muc.other.test")


def test_the_last_at_sign_is_the_one_before_the_domain() -> None:
    assert RoomAddress.parse("a@b@muc.other.test", DOMAINS).name == "a%40b"


def test_an_encoded_address_of_browsers_is_the_same_address() -> None:
    assert RoomAddress.parse("my%20room@conference.meet.test", DOMAINS).name == "my%20room"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "@conference.meet.test",
        "room@",
        "room@evil.test",
        "room%40evil.test",
        "room@conference.meet.test.evil.test",
        "room@conference.meet.test/nick",
        "tenant/room",
        "tenant%2Froom",
        "tenant／room",  # NFKC makes a slash of it
        "x" * (MAX_LENGTH + 1),
        "ß" * 200,  # 6 octets each, encoded
        "a\udcffb",  # a header that is not UTF-8
    ],
)
def test_what_is_no_room_of_ours_is_not_found(text: str) -> None:
    with pytest.raises(ConferenceError) as refused:
        RoomAddress.parse(text, DOMAINS)
    assert refused.value.cause is JoinFailure.NOT_FOUND


@given(st.text(max_size=60))
def test_a_name_is_always_plain_and_stays_what_it_is(text: str) -> None:
    try:
        address = RoomAddress.parse(text, DOMAINS)
    except ConferenceError as refused:
        assert refused.cause is JoinFailure.NOT_FOUND
        return
    assert address.domain in DOMAINS
    # RFC 7622 section 3.3.1 forbids " & ' / : < > @ and space in the local part.
    assert re.fullmatch(r"[a-z0-9%!*()~_.-]+", address.name)
    assert RoomAddress.parse(address.jid, DOMAINS) == address


@given(
    st.text(
        st.characters(exclude_characters="/@", exclude_categories=["Cs", "C", "Z"]),
        min_size=1,
        max_size=20,
    )
)
def test_encoded_or_not_it_is_the_same_room(text: str) -> None:
    if set(text) & set("%/:?#[]@!$&'()*+,;=<>\""):
        return
    try:
        plain = name(text)
    except ConferenceError:
        return
    assert name(quote(text, safe="")) == plain


# --- tenants -------------------------------------------------------------------------------------


def test_a_tenants_room_has_the_tenant_in_its_domain() -> None:
    expected = RoomAddress("room", "conference.acme.meet.test", "acme")
    for text in ("acme/room", " /Acme/Room", "room@conference.acme.meet.test"):
        assert RoomAddress.parse(text, DOMAINS, tenants=True) == expected
    assert RoomAddress.parse("room", DOMAINS, tenants=True, tenant="acme") == expected
    # As Jicofo names it when it wants somebody called.
    assert RoomAddress.parse("[acme]room@conference.meet.test", DOMAINS, tenants=True) == expected
    assert RoomAddress.parse("room@muc.a.b.other.test", DOMAINS, tenants=True).tenant == "a.b"


@pytest.mark.parametrize(
    "text",
    ["a b/room", "a/b/room", "ä/room", "room@conference..meet.test", "room@conference.meet.test.x"],
)
def test_what_is_no_tenant_is_not_found(text: str) -> None:
    with pytest.raises(ConferenceError) as refused:
        RoomAddress.parse(text, DOMAINS, tenants=True)
    assert refused.value.cause is JoinFailure.NOT_FOUND


def test_tenants_are_served_only_if_that_is_wanted() -> None:
    for text in ("acme/room", "room@conference.acme.meet.test"):
        with pytest.raises(ConferenceError, match="no tenant 'acme' is served"):
            RoomAddress.parse(text, DOMAINS)


@pytest.mark.parametrize(
    ("told", "jid"),
    [
        ("[acme]planning@conference.meet.test", "planning@conference.acme.meet.test"),
        ("planning@conference.meet.test", "planning@conference.meet.test"),
        ("[]planning@conference.meet.test", "[]planning@conference.meet.test"),
        ("7c4f@breakout.meet.test", "7c4f@breakout.meet.test"),
    ],
)
def test_a_room_of_a_tenant_is_known_by_its_internal_name(told: str, jid: str) -> None:
    assert outer_room(told) == jid
