"""Extended reports (RFC 3611), octet by octet, and whatever else comes."""

import contextlib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RtpError
from gateway.rtp.rtcp import Goodbye, parse_compound
from gateway.rtp.xr import Dlrr, ExtendedReport, LastReference, ReferenceTime, VoipMetrics

word = st.integers(0, 0xFFFFFFFF)
WIDTHS = {
    "ssrc": word,
    "burst_duration": st.integers(0, 0xFFFF),
    "gap_duration": st.integers(0, 0xFFFF),
    "round_trip": st.integers(0, 0xFFFF),
    "end_system_delay": st.integers(0, 0xFFFF),
    "nominal_delay": st.integers(0, 0xFFFF),
    "maximum_delay": st.integers(0, 0xFFFF),
    "absolute_maximum_delay": st.integers(0, 0xFFFF),
    "signal_level": st.integers(-128, 127),
    "noise_level": st.integers(-128, 127),
}
metrics = st.builds(
    VoipMetrics,
    **{each.name: WIDTHS.get(each.name, st.integers(0, 255)) for each in fields(VoipMetrics)},
)
answers = st.lists(st.builds(LastReference, word, word, word), max_size=5).map(tuple)
blocks = st.one_of(
    metrics, st.builds(ReferenceTime, st.integers(0, 2**64 - 1)), st.builds(Dlrr, answers)
)
reports = st.builds(ExtendedReport, word, st.lists(blocks, max_size=4).map(tuple))

# The packet of section 2 with the block of section 4.7, field by field as drawn there.
WIRE = bytes.fromhex(
    "80cf000a 0000002a 07000008 0000004d"
    "0d060a02 01f40fa0 005a0064 e2bf2d10 5a7f2b29 b8000028 005000c8"
)
READ = VoipMetrics(
    ssrc=77,
    loss_rate=13,
    discard_rate=6,
    burst_density=10,
    gap_density=2,
    burst_duration=500,
    gap_duration=4000,
    round_trip=90,
    end_system_delay=100,
    signal_level=-30,
    noise_level=-65,
    echo_return_loss=45,
    gmin=16,
    r_factor=90,
    external_r_factor=127,
    mos_lq=43,
    mos_cq=41,
    configuration=0xB8,
    nominal_delay=40,
    maximum_delay=80,
    absolute_maximum_delay=200,
)


def test_voip_metrics_are_written_and_read_as_the_rfc_draws_them() -> None:
    report = ExtendedReport(42, (READ,))
    assert report.serialize() == WIRE
    assert parse_compound(WIRE) == [report]


def test_round_trips_of_receivers_are_written_as_the_rfc_draws_them() -> None:
    asked = ExtendedReport(1, (ReferenceTime(0x0102030405060708),))
    assert asked.serialize().hex(" ", 4) == "80cf0004 00000001 04000002 01020304 05060708"
    told = ExtendedReport(2, (Dlrr((LastReference(1, 0x03040506, 0x8000),)),))
    assert told.serialize().hex(" ", 4) == "80cf0005 00000002 05000003 00000001 03040506 00008000"


@given(report=reports)
def test_every_report_survives_beside_other_packets(report: ExtendedReport) -> None:
    data = report.serialize() + Goodbye((1,)).serialize()
    assert parse_compound(data) == [report, Goodbye((1,))]


def test_blocks_that_are_not_known_are_passed_over() -> None:
    packet = bytes.fromhex("80cf0006 0000002a 0100 0001 00000000 04000002 0102030405060708")
    assert parse_compound(packet) == [ExtendedReport(42, (ReferenceTime(0x0102030405060708),))]


@pytest.mark.parametrize(
    "words",
    [
        "80cf0000",  # nobody's
        "80cf0002 0000002a 07000008",  # a block that is not there
        "80cf0003 0000002a 07000001 0000004d",  # too short for what it says it is
        "80cf0003 0000002a 04000001 00000000",
        "80cf0004 0000002a 05000002 00000000 00000000",
    ],
)
def test_what_breaks_its_own_rules_is_refused(words: str) -> None:
    with pytest.raises(RtpError):
        parse_compound(bytes.fromhex(words))


@given(body=st.binary(max_size=80))
def test_no_report_does_worse_than_an_rtp_error(body: bytes) -> None:
    with contextlib.suppress(RtpError):
        ExtendedReport.parse(body)
