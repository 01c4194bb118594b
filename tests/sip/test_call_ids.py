"""What is seen of a message before it is read has to be what reading it finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.call_ids import CallIds, find_call_id, find_method
from gateway.sip.message import Request, parse_message
from tests.sip.wire import request

WORD = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
COLON = st.sampled_from((": ", ":", " \t:\t ", ":\r\n ", " :\n\t \r\n  "))


@given(call_id=WORD, name=st.sampled_from(("Call-ID", "CALL-ID", "i", "I")), colon=COLON)
def test_the_call_id_is_that_of_the_message(call_id: str, name: str, colon: str) -> None:
    field = f"{name}{colon}{call_id}".encode()
    data = b"\r\n" + request("BYE").replace(b"Call-ID: call-1", field)
    message = parse_message(data)
    assert isinstance(message, Request)
    assert find_call_id(data) == message.headers.call_id
    assert find_method(data) == message.method == "BYE"


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\x80\xff" * 30, b"Call-ID", b"INVITE"])
def test_what_is_no_message_has_no_call_id(data: bytes) -> None:
    assert find_call_id(data) == ""


def test_a_call_id_is_there_as_long_as_anything_has_it() -> None:
    there = CallIds()
    there.add("a")
    there.add("a")
    there.remove("a")
    assert "a" in there
    assert "b" not in there
    there.remove("a")
    assert "a" not in there
