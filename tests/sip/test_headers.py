import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.headers import MAX_CSEQ, Headers


def headers(**fields: str) -> Headers:
    return Headers([(name.replace("_", "-"), value) for name, value in fields.items()])


def test_names_ignore_case_and_fields_keep_their_order() -> None:
    some = Headers([("Via", "1"), ("To", "t"), ("via", "2")])
    assert some.fields() == [("Via", "1"), ("Via", "2"), ("To", "t")]
    assert some["VIA"] == "1"


def test_fields_are_set_in_their_place_and_taken_out() -> None:
    some = Headers([("Via", "1"), ("To", "t"), ("via", "2")])
    some.set("VIA", "3")
    assert some.fields() == [("VIA", "3"), ("To", "t")]
    some.setlist("Via", ["4", "5"])
    some.set("CSeq", "1 BYE")
    assert some.fields() == [("Via", "4"), ("Via", "5"), ("To", "t"), ("CSeq", "1 BYE")]
    for _ in range(2):
        some.remove("via")
    assert some.keys() == ["To", "CSeq"]
    assert (some.get("via"), some.getlist("Via")) == (None, [])
    with pytest.raises(KeyError):
        _ = some["via"]


def test_a_list_goes_over_all_fields_of_its_name() -> None:
    some = Headers([("Route", "<sip:a>, <sip:b>"), ("Route", "<sip:c>,")])
    assert some.values("Route") == ["<sip:a>", "<sip:b>", "<sip:c>"]


def test_tokens_are_in_lower_case() -> None:
    assert headers(Require="100REL, Timer").tokens("Require") == ["100rel", "timer"]


@pytest.mark.parametrize("value", [None, "", "x"])
def test_a_single_header_is_missing_or_there(value: str | None) -> None:
    some = Headers([] if value is None else [("Call-ID", value)])
    if value:
        assert some.call_id == value
    else:
        with pytest.raises(SipSyntaxError, match="Missing Call-ID"):
            _ = some.call_id


def test_a_single_header_may_not_be_there_twice() -> None:
    with pytest.raises(SipSyntaxError, match="Repeated Call-ID"):
        _ = Headers([("Call-ID", "a"), ("Call-ID", "b")]).call_id


@pytest.mark.parametrize(
    ("value", "sequence", "method"),
    [("1 INVITE", 1, "INVITE"), ("0009   INVITE", 9, "INVITE"), (f"{MAX_CSEQ} X", MAX_CSEQ, "X")],
)
def test_cseq_is_read(value: str, sequence: int, method: str) -> None:
    cseq = headers(CSeq=value).cseq
    assert (cseq.sequence, cseq.method) == (sequence, method)


@pytest.mark.parametrize(
    "value",
    ["INVITE", "1", "1INVITE", "-1 INVITE", f"{MAX_CSEQ + 1} A", "9" * 5000 + " A", "1 A B"],
)
def test_a_wrong_cseq_is_refused(value: str) -> None:
    with pytest.raises(SipSyntaxError, match="CSeq"):
        _ = headers(CSeq=value).cseq


@pytest.mark.parametrize("value", ["256", "-1", "x", "", "٣", "1" * 30])
def test_max_forwards_is_a_number_up_to_255(value: str) -> None:
    assert headers(Max_Forwards="255").max_forwards == 255
    assert headers().max_forwards == 70
    with pytest.raises(SipSyntaxError, match="Max-Forwards"):
        _ = headers(Max_Forwards=value).max_forwards


def test_content_length_may_be_absent_but_not_odd() -> None:
    assert headers().content_length is None
    assert headers(Content_Length="0012").content_length == 12
    with pytest.raises(SipSyntaxError):
        _ = headers(Content_Length="-5").content_length


def test_content_type_comes_without_case_and_spaces() -> None:
    media_type, parameters = headers(Content_Type='Application / SDP ; boundary="a b"').content_type
    assert media_type == "application/sdp"
    assert parameters["boundary"] == "a b"
    assert headers().content_type[0] == ""


def test_the_contact_is_the_first_address() -> None:
    contact = headers(Contact='"A, B" <sip:a@b>;q=1, <sip:c@d>').contact
    assert contact is not None and contact.uri == "sip:a@b"
    assert headers().contact is None
    assert headers(Contact="*").contact is None
    with pytest.raises(SipSyntaxError, match="Contact"):
        _ = headers(Contact="nobody").contact


@pytest.mark.parametrize("name", ["From", "To"])
def test_an_address_header_names_itself_when_it_is_wrong(name: str) -> None:
    with pytest.raises(SipSyntaxError, match=f"Malformed {name}"):
        _ = Headers([(name, "nobody")])._address(name)


def test_the_topmost_via_may_share_a_field_with_others() -> None:
    some = headers(Via="SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b")
    assert (some.via.host, some.via.parameters["branch"]) == ("a", "1")
    with pytest.raises(SipSyntaxError, match="Via"):
        _ = headers().via
