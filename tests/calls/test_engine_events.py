"""What a silent phone means: a firewall, if nothing has ever come from it."""

import pytest

from gateway.calls import engine_events
from gateway.calls.end_reason import EndReason, Over
from gateway.calls.record import CallRecord
from gateway.media.messages import DigitReceived, PhoneLatched, PhoneSilent
from gateway.sparse_lines import SparseLines
from tests.helpers.captured_log import told


@pytest.mark.parametrize("was_heard", [True, False])
def test_a_phone_that_was_never_heard_is_told_apart(was_heard: bool) -> None:
    record = CallRecord("1", "a@b", "pbx", "", "")
    if was_heard:
        engine_events.take(PhoneLatched("1", ("192.0.2.1", 4000)), record)
    with pytest.raises(Over) as over:
        engine_events.take(PhoneSilent("1", 30.0), record)
    assert over.value.end.reason is EndReason.NO_RTP
    assert ("firewall" in over.value.end.text) is not was_heard


async def test_a_phone_that_presses_keys_without_end_does_not_fill_the_log() -> None:
    lines = SparseLines.one_a_second()
    with told() as entries:
        for _ in range(1_000):
            engine_events.way_of(DigitReceived("1", "5", 0.1), lines)
    assert 30 <= len(entries) < 100
    assert {entry["event"] for entry in entries} == {"digit"}
