"""Who calls, and whom, as phones and networks say it in their headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.caller_identity import WITHHELD, CallerIdentity
from gateway.calls.parties import CalledIn, called_parties, calling_party
from gateway.sip.message import Request, parse_message

FROM = '"Ann" <sip:ann@pbx.test>'


def invite(*headers: str, from_: str = FROM, to: str = "<sip:to@gw.test>") -> Request:
    parsed = parse_message(
        "\r\n".join(
            (
                "INVITE sip:+4312345@gw.test;user=phone SIP/2.0",
                "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
                f"From: {from_};tag=1",
                f"To: {to}",
                "Call-ID: 1@192.0.2.1",
                "CSeq: 1 INVITE",
                *headers,
                "Content-Length: 0",
                "",
                "",
            )
        ).encode()
    )
    assert isinstance(parsed, Request)
    return parsed


PAI = 'P-Asserted-Identity: "Ann Smith" <sip:+43664123@trunk.test>'
RPID = 'Remote-Party-ID: "A. Smith" <sip:+43664999@trunk.test>;party=calling;screen=yes'


@pytest.mark.parametrize(
    ("headers", "trusted", "otherwise"),
    [
        ((), ("Ann", "ann"), ("Ann", "ann")),
        ((PAI,), ("Ann Smith", "+43664123"), ("Ann", "ann")),
        ((RPID,), ("A. Smith", "+43664999"), ("Ann", "ann")),
        ((RPID, PAI), ("Ann Smith", "+43664123"), ("Ann", "ann")),
        (("P-Asserted-Identity: <sip:+43664123@t.test>",), ("Ann", "+43664123"), ("Ann", "ann")),
        (("P-Asserted-Identity: tel:+43664123",), ("Ann", "+43664123"), ("Ann", "ann")),
        (  # a SIP and a tel URI (RFC 3325 section 9.1): the number is told
            ('P-Asserted-Identity: "A. S." <sip:a.smith@t.test>, <tel:+43664123>',),
            ("A. S.", "+43664123"),
            ("Ann", "ann"),
        ),
        (
            ("P-Asserted-Identity: <sip:a.smith@t.test>", "p-asserted-identity: <tel:+43664123>"),
            ("Ann", "+43664123"),
            ("Ann", "ann"),
        ),
        (("P-Asserted-Identity: nonsense",), ("Ann", "ann"), ("Ann", "ann")),
        (("P-Asserted-Identity: <sip:t.test>",), ("Ann", "ann"), ("Ann", "ann")),
        (("Remote-Party-ID: <sip:+1@t.test>;party=called",), ("Ann", "ann"), ("Ann", "ann")),
        (("Remote-Party-ID: <sip:+431@t.test>",), ("Ann", "+431"), ("Ann", "ann")),
        (("Remote-Party-ID: <sip:+431@t.test>;privacy=name",), ("", "+431"), ("Ann", "ann")),
        (("Remote-Party-ID: <sip:+431@t.test>;privacy=uri",), ("Ann", ""), ("Ann", "ann")),
        (("Remote-Party-ID: <sip:+431@t.test>;privacy=off",), ("Ann", "+431"), ("Ann", "ann")),
        (("Privacy: none", PAI), ("Ann Smith", "+43664123"), ("Ann", "ann")),
        (("Privacy: session;critical",), ("Ann", "ann"), ("Ann", "ann")),
    ],
)
def test_the_word_of_a_trusted_network_counts_before_the_phones(
    headers: tuple[str, ...], trusted: tuple[str, str], otherwise: tuple[str, str]
) -> None:
    request = invite(*headers)
    assert calling_party(request, is_trusted=True) == CallerIdentity(*trusted)
    assert calling_party(request, is_trusted=False) == CallerIdentity(*otherwise)


@pytest.mark.parametrize("is_trusted", [True, False])
@pytest.mark.parametrize(
    "wish", ["id", "user", "header", "ID", "user;id", "header;user;critical", "critical, id"]
)
def test_who_wants_privacy_has_it_whatever_the_network_asserts(wish: str, is_trusted: bool) -> None:
    assert calling_party(invite(PAI, f"Privacy: {wish}"), is_trusted=is_trusted) is WITHHELD


def test_an_anonymous_from_is_a_wish_for_privacy_as_well() -> None:
    anonymous = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert calling_party(invite(PAI, from_=anonymous), is_trusted=True) is WITHHELD
    hidden = "Remote-Party-ID: <sip:+431@t.test>;privacy=full"
    assert calling_party(invite(hidden), is_trusted=True) is WITHHELD


DIVERSION = (
    'Diversion: "Last" <sip:+432@t.test>;reason=unconditional, <tel:+431>;reason=user-busy',
    "Diversion: <sip:anonymous@anonymous.invalid>;privacy=full",
)
HISTORY = (
    "History-Info: <sip:+431@t.test?Reason=SIP%3Bcause%3D302>;index=1,",
    "History-Info: <sip:+4312345@gw.test;cause=302>;index=1.1, nonsense;index=1.2",
)


@pytest.mark.parametrize(
    ("named_in", "users"),
    [
        ((CalledIn.URI, CalledIn.TO), ("+4312345", "to")),
        ((CalledIn.TO, CalledIn.URI), ("to", "+4312345")),
        ((CalledIn.URI,), ("+4312345",)),
        ((CalledIn.DIVERSION,), ("+431", "+432")),
        ((CalledIn.HISTORY_INFO, CalledIn.URI), ("+431", "+4312345")),
        (
            (CalledIn.DIVERSION, CalledIn.HISTORY_INFO, CalledIn.TO),
            ("+431", "+432", "+4312345", "to"),
        ),
    ],
)
def test_whom_a_call_is_for_is_read_where_the_trunk_says_it(
    named_in: tuple[CalledIn, ...], users: tuple[str, ...]
) -> None:
    assert called_parties(invite(*DIVERSION, *HISTORY), named_in) == users


def test_a_telephone_number_is_matched_without_what_is_for_the_eye() -> None:
    request = invite("Diversion: <tel:+43-1-(234).5>", to="<tel:7-06;phone-context=+43>")
    assert called_parties(request, (CalledIn.TO, CalledIn.DIVERSION)) == ("706", "+4312345")
    assert called_parties(invite(to="<sip:a-b.c@gw.test>"), (CalledIn.TO,)) == ("a-b.c",)


@pytest.mark.parametrize(
    "parameters",
    [";npdi;rn=+14045550100", ";phone-context=ims.test", ";tgrp=1;trunk-context=t.test"],
)
def test_a_number_is_matched_without_its_parameters_and_then_with_them(parameters: str) -> None:
    request = invite(to=f"<sip:+4312345{parameters}@gw.test;user=phone>")
    users = ("+4312345", f"+4312345{parameters}")
    assert called_parties(request, (CalledIn.TO,)) == users


def test_what_nobody_says_is_nothing() -> None:
    assert called_parties(invite(to="<sip:gw.test>"), (CalledIn.TO, CalledIn.DIVERSION)) == ()


@given(
    st.sampled_from(
        ["P-Asserted-Identity", "Remote-Party-ID", "Privacy", "Diversion", "History-Info"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
)
def test_whatever_a_header_says_it_is_read(name: str, value: str) -> None:
    request = invite(f"{name}: {value}")
    calling_party(request, is_trusted=True)
    called_parties(request, tuple(CalledIn))
