"""`/debug`: the calls, in Jigasi's shape."""

from dataclasses import fields
from typing import Any

from gateway.calls.trunk_status import RegistrationStatus, TrunkStatus
from gateway.control.debug import debug
from gateway.media.messages import CallReport, StreamReport
from gateway.rtp.bursts import LossPattern
from gateway.rtp.xr import VoipMetrics
from gateway.sip.probe import ProbeState
from gateway.sip.registration import RegistrationState
from tests.control.snapshots import call, snapshot, table


def sessions(**changes: Any) -> Any:
    told: Any = debug(snapshot(**changes))
    ((_, gateway),) = told["gateways"].items()
    return gateway["sessions"]


def test_a_call_in_a_room_has_its_meeting_and_its_nick() -> None:
    shown = sessions(calls=(call(participants=3),))["Erika"]
    assert shown["jvbConference"]["meetingUrl"] == "https://meet.example.org/planning"
    assert shown["jvbConference"]["nick"] == "ec1"
    assert shown["jvbConference"]["participants"] == 3
    assert shown["call"] == "c1"
    assert shown["seconds"] == 30.0


def test_a_call_that_is_on_its_way_has_no_conference_yet() -> None:
    assert sessions(calls=(call(),))["Erika"]["jvbConference"] == {}


def test_how_a_call_sounds_is_told_as_far_as_it_is_known() -> None:
    heard = StreamReport(
        packets=95,
        lost=5,
        gap=40,
        talk=1500,
        level=-30.04,
        one_way=81.26,
        mos_cq=3.456,
        losses=LossPattern(100, missing=5, runs=4, bursts=1, burst_packets=4, burst_missing=2),
    )
    report = CallReport(
        from_phone=heard,
        to_phone=StreamReport(packets=7),
        from_bridge=StreamReport(
            packets=9, jitter=30.0, delay=81.0, jitter_now=2.5, delay_now=40.0
        ),
        phone_round_trip=40.04,
        phone_heard=VoipMetrics(1, loss_rate=64, burst_duration=80),
    )
    told = sessions(calls=(call(report=report),))["Erika"]["quality"]
    directions = {"from_phone", "to_phone", "from_bridge"}
    assert set(told) == directions | {"phone_round_trip_ms", "phone_heard"}
    assert told["phone_round_trip_ms"] == 40.0
    stream = told["from_phone"]
    assert (stream["packets"], stream["lost"], stream["longest_gap_ms"]) == (95, 5, 40)
    assert (stream["concealed"], stream["burst_density"]) == (0.05, 0.5)
    assert (stream["burst_ratio"], stream["mos_cq"]) == (1.19, 3.46)
    assert (stream["talk_seconds"], stream["level_dbov"]) == (1.5, -30.0)
    assert stream["one_way_ms"] == 81.3
    assert "jitter_now_ms" not in stream
    room = told["from_bridge"]
    assert (room["jitter_ms"], room["buffer_ms"]) == (30.0, 81.0)
    assert (room["jitter_now_ms"], room["buffer_now_ms"]) == (2.5, 40.0)
    assert "mos_lq" not in stream and "mos_cq" not in told["to_phone"]
    assert (told["phone_heard"]["loss"], told["phone_heard"]["burst_ms"]) == (0.25, 80)


def test_every_value_of_a_calls_quality_is_in_the_guide() -> None:
    known = {each.name: 1.0 for each in fields(StreamReport) if each.default is None}
    assert {"level", "mos_cq"} < set(known)
    report = CallReport(from_phone=StreamReport(packets=1, **known))
    listed = {name.strip().strip("`") for row in table("Quality") for name in row[0].split(",")}
    told = sessions(calls=(call(report=report),))["Erika"]["quality"]
    assert set(told["from_phone"]) | {"phone_heard"} == listed


def test_how_trunks_are_and_which_phones_are_here_is_told() -> None:
    registration = RegistrationStatus("sip:p.test", RegistrationState.REFUSED, "403 No", -7.04)
    trunks = (
        TrunkStatus("plain", 2),
        TrunkStatus("busy", 0, registration, ProbeState.DOWN, "no answer"),
    )
    told = debug(snapshot(trunks=trunks, phones={"alice": ("udp:10.0.0.7:5060",)}))
    assert told["trunks"] == {
        "plain": {"calls": 2},
        "busy": {
            "calls": 0,
            "probe": "down",
            "probe_error": "no answer",
            "registration": {
                "registrar": "sip:p.test",
                "state": "refused",
                "error": "403 No",
                "expires_in": -7.0,
            },
        },
    }
    assert told["phones"] == {"alice": ["udp:10.0.0.7:5060"]}


def test_callers_of_one_name_are_told_apart() -> None:
    assert set(sessions(calls=(call("a"), call("b")))) == {"Erika", "Erika (b)"}
