"""How much of a caller a conference is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.caller_identity import CallerIdentity, ShowCaller, masked, without_numbers
from gateway.calls.parties import calling_party
from gateway.sip.message import Request, parse_message

FULL, MASKED, NAME = ShowCaller.FULL, ShowCaller.MASKED, ShowCaller.NAME


def identity(from_: str) -> CallerIdentity:
    invite = parse_message(
        "\r\n".join(
            (
                "INVITE sip:room@gw.test SIP/2.0",
                "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
                f"From: {from_};tag=1",
                "To: <sip:room@gw.test>",
                "Call-ID: 1@192.0.2.1",
                "CSeq: 1 INVITE",
                "Content-Length: 0",
                "",
                "",
            )
        ).encode("utf-8", "surrogateescape")
    )
    assert isinstance(invite, Request)
    return calling_party(invite, is_trusted=True)


@pytest.mark.parametrize(
    ("from_", "full", "partly", "name"),
    [
        ('"Ann" <sip:+436641234512@t.test>', "Ann", "Ann", "Ann"),
        ("<sip:+436641234512@t.test>", "+436641234512", "+43 *** **12", "Phone"),
        ("<sip:00436641234512@t.test>", "00436641234512", "+43 *** **12", "Phone"),
        ("<sip:06641234512@t.test;user=phone>", "06641234512", "*** **12", "Phone"),
        ("<tel:+1-201-555-0123>", "+1-201-555-0123", "+1 *** **23", "Phone"),
        ("<sip:+352621123412@t.test>", "+352621123412", "+352 *** **12", "Phone"),
        ('"+43 664/1234512" <sip:x@t.test>', "+43 664/1234512", "+43 *** **12", "x"),
        (
            '"Ann (+43 664 1234512)" <sip:x@t.test>',
            "Ann (+43 664 1234512)",
            "Ann (+43 *** **12)",
            "Ann",
        ),
        ("<sip:1001@t.test>", "1001", "*** **", "Phone"),
        ("<sip:alice@t.test>", "alice", "alice", "alice"),
        ('"Studio 54" <sip:s@t.test>', "Studio 54", "Studio 54", "Studio 54"),
        ("<sip:t.test>", "Phone", "Phone", "Phone"),
        ('"Ann" <sip:anonymous@anonymous.invalid>', "Anonymous", "Anonymous", "Anonymous"),
        ('"\u202eAnn" <sip:+43664123@t.test>', "Ann", "Ann", "Ann"),
    ],
)
def test_a_caller_is_shown_as_its_trunk_wants(
    from_: str, full: str, partly: str, name: str
) -> None:
    caller = identity(from_)
    assert [caller.shown(how) for how in (FULL, MASKED, NAME)] == [full, partly, name]


def test_octets_of_a_name_that_are_no_utf_8_are_left_out() -> None:
    latin = b"M\xfcller".decode("utf-8", "surrogateescape")
    assert identity(f'"{latin}" <sip:+43664123@t.test>').shown(FULL) == "Mller"
    assert identity(f"<sip:{latin}@t.test>").shown(FULL) == "Mller"


def test_the_record_has_all_of_it() -> None:
    assert identity("<sip:+436641234512@t.test>").full == "+436641234512"
    assert identity("<sip:t.test>").full == ""


separators = st.text("  -./()_", max_size=3)
digits = st.text("0123456789", min_size=1, max_size=1) | st.sampled_from("٠١٢٣٤٥٦٧٨٩")
numbers = st.builds(
    lambda plus, pieces: plus + "".join(digit + between for digit, between in pieces),
    st.sampled_from(["", "+", "00"]),
    st.lists(st.tuples(digits, separators), min_size=5, max_size=18),
)
words = st.text(st.characters(categories=["L"]), min_size=1, max_size=10)


def digits_of(text: str) -> int:
    return sum(character.isdecimal() for character in text)


@given(numbers, words, words)
def test_however_a_number_is_written_no_more_than_country_and_two_digits_are_left(
    number: str, before: str, after: str
) -> None:
    for text in (number, f"{before} {number}", f"{before}{number}{after}", f"{number} {after}"):
        left = masked(text)
        assert digits_of(left) <= 5
        assert before not in text or before in left
        assert digits_of(without_numbers(text)) == 0


@given(numbers, words)
def test_with_its_name_alone_a_caller_shows_no_digit(number: str, name: str) -> None:
    for caller in (
        CallerIdentity(number, number),
        CallerIdentity(f"{name} {number}", number),
        CallerIdentity("", number),
        CallerIdentity(name, number),
    ):
        shown = caller.shown(NAME)
        assert digits_of(shown) == 0 and shown


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(ShowCaller))
def test_whatever_a_caller_calls_itself_something_is_shown(
    name: str, user: str, how: ShowCaller
) -> None:
    assert CallerIdentity(name, user).shown(how)
