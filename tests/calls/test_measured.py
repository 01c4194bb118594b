"""What the engine measures of a call is in its record while the call goes on."""

from gateway.calls.record import CallRecord
from gateway.media.messages import CallReport, Measured, StreamReport
from tests.calls.test_announcer import Heard, conversation


async def test_the_record_of_a_call_that_goes_on_has_the_latest_report() -> None:
    reports = [CallReport(from_phone=StreamReport(packets=count)) for count in (500, 1000)]
    engine = Heard(*(Measured("c1", report) for report in reports))  # type: ignore[arg-type]
    record = CallRecord("c1", "c", "trunk", "Erika", "room")
    await conversation(engine, record).follow_engine()
    assert record.report == reports[-1]
