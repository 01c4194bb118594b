"""`/about/stats`: Jigasi's keys, types and meanings."""

from typing import Any

import pytest

from gateway.calls.end_reason import EndReason
from gateway.calls.statistics import Statistics
from gateway.control.snapshot import Phase
from gateway.control.stats import JIGASI_STATS, STATS, stats
from gateway.media.load import EngineLoad
from tests.control.snapshots import call, json_type, over, snapshot, table

# As Jigasi has them (its rest and stats packages, 2026-06).
COUNTED = [
    "conferences_completed",
    "participants",
    "conference_seconds",
    "calls_with_dropped_media",
    "count_dropped_media",
    "calls_with_connection_failed",
    "calls_with_sip_call_waiting",
    "calls_with_sip_call_reconnected",
    "calls_with_jvb_migrate",
    "calls_jvb_no_media",
    "calls_no_heartbeat_response",
    "transcriber_g_requests",
    "transcriber_g_minutes",
    "transcriber_ggl_millis",
    "transcriber_oci_millis",
    "transcriber_wsp_millis",
    "transcriber_vsk_millis",
    "transcriber_started",
    "transcriber_stopped",
    "transcriber_failed",
    "transcriber_connection_errors",
    "transcriber_connection_retries",
    "transcriber_no_result_errors",
    "transcriber_send_errors",
    "transcriber_session_creation_errors",
]
JIGASI = {f"total_{name}": "integer" for name in COUNTED} | {
    "conferences": "integer",
    "participants": "integer",
    "stress_level": "number",
    "conference_sizes": "array",
    "threads": "integer",
    "current_timestamp": "string",
    "graceful_shutdown": "boolean",
}


def test_every_key_of_jigasi_is_there_with_its_type() -> None:
    told = stats(snapshot())
    assert {name: json_type(told[name]) for name in JIGASI} == JIGASI
    assert {stat.name for stat in JIGASI_STATS} == set(JIGASI)


def test_the_guide_has_every_key_with_its_type() -> None:
    told = stats(snapshot(ended={EndReason.KICKED: 1}))
    served = {name: json_type(value) for name, value in told.items()}
    assert served == {name: type_ for name, type_, *_ in table("Statistics")}
    assert {stat.name: stat.type for stat in STATS} == served
    of_jigasi = {name for name, _, jigasi, *_ in table("Statistics") if jigasi == "yes"}
    assert of_jigasi == set(JIGASI)


def test_calls_in_one_room_are_counted_each() -> None:
    told = stats(snapshot(calls=(call("a", participants=3), call("b", participants=3), call("c"))))
    assert told["conferences"] == 2
    assert told["participants"] == 6
    assert told["calls"] == 3


@pytest.mark.parametrize(("participants", "bucket"), [(1, 1), (20, 20), (21, 21), (300, 21)])
def test_large_rooms_share_the_last_bucket(participants: int, bucket: int) -> None:
    sizes = stats(snapshot(calls=(call(participants=participants),)))["conference_sizes"]
    assert isinstance(sizes, list)
    assert len(sizes) == 22
    assert [at for at, count in enumerate(sizes) if count] == [bucket]


def test_stress_is_what_is_scarcest() -> None:
    calls = (call("a"), call("b"))
    assert stats(snapshot(calls=calls, max_calls=8))["stress_level"] == 0.25
    late = EngineLoad(is_ticking=True, late_share=0.01)
    assert stats(snapshot(calls=calls, max_calls=8, load=late))["stress_level"] == 0.5


def test_every_worker_is_told_of() -> None:
    loads = (EngineLoad(calls=3, cpu_share=0.25, late_share=0.01), EngineLoad(down_since=5.0))
    assert stats(snapshot(loads=loads))["media_workers"] == [
        {"up": True, "calls": 3, "late_share": 0.01, "cpu_share": 0.25},
        {"up": False, "calls": 0, "late_share": 0.0, "cpu_share": 0.0},
    ]


def test_the_time_is_written_as_jigasi_writes_it() -> None:
    assert stats(snapshot())["current_timestamp"] == "2023-11-14 22:13:20.250"


@pytest.mark.parametrize(
    ("phase", "shown"), [(Phase.SERVING, False), (Phase.DRAINING, True), (Phase.CLOSING, True)]
)
def test_draining_is_shown(phase: Phase, shown: bool) -> None:
    assert stats(snapshot(phase=phase))["graceful_shutdown"] is shown


def test_calls_that_are_over_are_in_the_totals() -> None:
    statistics = Statistics()
    statistics.conclude(over(call("a", participants=4)))
    statistics.conclude(over(call("b", participants=2, media_losses=2), EndReason.NO_RTP))
    statistics.conclude(over(call("c"), EndReason.CONFERENCE_UNAVAILABLE))
    told = stats(snapshot(totals=statistics.totals(())))
    expected: dict[str, Any] = {
        "total_conferences_completed": 2,
        "total_participants": 6,
        "total_conference_seconds": 60,
        "total_calls_with_dropped_media": 1,
        "total_calls_with_connection_failed": 1,
        "total_calls_with_sip_call_waiting": 1,
        "total_calls_with_sip_call_reconnected": 0,
    }
    assert {name: told[name] for name in expected} == expected
