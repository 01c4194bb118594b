from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.headers import Headers
from gateway.sip.reason import Reason, read_reasons
from tests.helpers.examples import at_most


def read(*values: str) -> tuple[Reason, ...]:
    return read_reasons(Headers([("Reason", value) for value in values]))


def test_reasons_are_read_from_all_fields() -> None:
    assert read('SIP;cause=200;text="Call completed elsewhere", Q.850;cause=16', "preemption") == (
        Reason("SIP", 200, "Call completed elsewhere"),
        Reason("Q.850", 16),
        Reason("preemption"),
    )
    assert read() == ()


def test_what_is_unreadable_is_left_out() -> None:
    assert read('SIP;cause=abc;text="x"') == (Reason("SIP", None, "x"),)
    assert read("SIP;cause=99999;cause=٣") == (Reason("SIP"),)


def test_text_can_break_neither_the_line_nor_the_quotes() -> None:
    written = Reason("SIP", 500, 'say "no"\\\r\nEvil: yes').serialize()
    assert written == 'SIP;cause=500;text="say \\"no\\"\\\\ Evil: yes"'


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)


@at_most(60)
@given(st.sampled_from(["SIP", "Q.850"]), st.none() | st.integers(0, 9999), texts)
def test_writing_and_reading_are_inverse(protocol: str, cause: int | None, text: str) -> None:
    reason = Reason(protocol, cause, text)
    assert read(reason.serialize(), reason.serialize()) == (reason, reason)
