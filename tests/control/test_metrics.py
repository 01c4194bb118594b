"""`/metrics`: what Prometheus reads, parsed by its own parsers."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

from gateway.calls.end_reason import EndReason
from gateway.calls.trunk_status import RegistrationStatus, TrunkStatus
from gateway.conference.logins import Logins
from gateway.control.metrics import Metrics
from gateway.control.stats import JIGASI_STATS
from gateway.errors import JoinFailure
from gateway.ivr.dial_in_counts import DialInCounts
from gateway.media.load import EngineLoad, Lateness
from gateway.media.messages import CallReport, StreamReport
from gateway.sip.probe import ProbeState
from gateway.sip.registration import RegistrationState
from tests.control.snapshots import call, over, snapshot, table

OPEN = "application/openmetrics-text; version=1.0.0"


def made(**changes: Any) -> Metrics:
    return Metrics(lambda: snapshot(**changes))


def families(metrics: Metrics) -> dict[str, Metric]:
    body, _ = metrics.exposition("text/plain")
    found: Iterable[Metric] = parse_text(body.decode())
    return {family.name: family for family in found}


def value(metrics: Metrics, sample: str, **labels: str) -> float | None:
    """One sample, None if there is none."""
    body, _ = metrics.exposition("text/plain")
    for family in parse_text(body.decode()):
        for each in family.samples:
            if each.name == sample and labels.items() <= each.labels.items():
                return each.value
    return None


def test_the_guide_has_every_metric_of_ours_with_type_and_labels() -> None:
    logins = Logins()
    logins.failure(JoinFailure.UNREACHABLE, "no", 0.0)
    report = CallReport(from_phone=StreamReport(mos_cq=4.0))
    metrics = made(
        calls=(call(report=report),),
        logins={"x": logins},
        sip_counters={"requests": 1},
        responses_sent={200: 1},
        dial_in=DialInCounts(
            Counter({("/conferenceMapper", 200): 1}), Counter({("a", "found"): 1})
        ),
        digest_counters={"asked": 1},
        trunks=(
            TrunkStatus(
                "t",
                0,
                RegistrationStatus("sip:p.test", RegistrationState.NEW, "", None),
                ProbeState.UP,
            ),
        ),
    )
    metrics.ended(over(call(participants=1, answered_at=980.0, media_at=981.0, report=report)))
    served = {
        name: (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for name, family in families(metrics).items()
        if name.startswith("sip_gateway_") and not name.endswith("_created")
    }
    told = {
        name: (type_, {label.strip() for label in labels.split(",") if label.strip()})
        for name, type_, labels, *_ in table("Metrics")
    }
    assert served == told


def test_guessing_is_seen_by_trunk() -> None:
    tries = Counter({("a", "unknown"): 7, ("a", "found"): 2, ("b", "found"): 3})
    metrics = made(dial_in=DialInCounts(tries=tries, alarms=frozenset({"a"})))
    tried = "sip_gateway_pin_tries_total"
    assert value(metrics, tried, trunk="a", outcome="unknown") == 7
    assert value(metrics, tried, trunk="b", outcome="found") == 3
    assert value(metrics, "sip_gateway_pin_guessing", trunk="a") == 1
    assert value(metrics, "sip_gateway_pin_guessing", trunk="b") == 0
    assert value(made(), "sip_gateway_pin_guessing", trunk="a") is None


def test_jigasis_metrics_have_jigasis_names() -> None:
    metrics = made(calls=(call(participants=3),))
    assert value(metrics, "jitsi_jigasi_participants") == 3
    assert value(metrics, "jitsi_jigasi_conferences") == 1
    assert value(metrics, "jitsi_jigasi_graceful_shutdown") == 0
    assert value(metrics, "jitsi_jigasi_total_conferences_completed_total") == 0
    served = {name for name in families(metrics) if name.startswith("jitsi_jigasi_")}
    without = {"conference_sizes", "current_timestamp"}
    assert served == {f"jitsi_jigasi_{stat.name}" for stat in JIGASI_STATS} - {
        f"jitsi_jigasi_{name}" for name in without
    }


def test_a_call_that_is_over_is_counted_by_trunk_and_reason() -> None:
    metrics = made()
    report = CallReport(
        from_phone=StreamReport(packets=100, lost=3, discarded=2),
        from_bridge=StreamReport(packets=90, lost=-1),
        to_phone=StreamReport(packets=95),
    )
    record = call(answered_at=971.5, media_at=972.5, report=report)
    metrics.ended(over(record, EndReason.KICKED))
    labels = {"trunk": "pbx", "reason": "kicked"}
    assert value(metrics, "sip_gateway_calls_ended_total", **labels) == 1
    assert value(metrics, "sip_gateway_call_setup_seconds_sum", trunk="pbx") == 1.5
    assert value(metrics, "sip_gateway_media_setup_seconds_sum", trunk="pbx") == 2.5
    lost = "sip_gateway_rtp_packets_lost_total"
    assert value(metrics, lost, direction="from_phone") == 3
    assert value(metrics, lost, direction="from_bridge") == 0
    assert value(metrics, "sip_gateway_rtp_datagrams_dropped_total", direction="from_phone") == 2
    assert value(metrics, "sip_gateway_rtp_packets_total", direction="to_phone") == 95


def test_how_a_call_sounded_is_counted_by_direction_as_far_as_it_is_known() -> None:
    metrics = made()
    report = CallReport(
        from_phone=StreamReport(mos_cq=4.1, concealed=500, talk=2000),
        to_bridge=StreamReport(mos_cq=2.7, talk=2000),
        from_bridge=StreamReport(talk=9000),
    )
    metrics.ended(over(call(report=report)))
    for direction, opinion in (("from_phone", 4.1), ("to_bridge", 2.7), ("to_phone", None)):
        found = value(metrics, "sip_gateway_call_mos_sum", direction=direction)
        assert found == opinion
    low = value(metrics, "sip_gateway_call_mos_bucket", direction="to_bridge", le="3.0")
    assert low == 1
    concealed = "sip_gateway_rtp_concealed_seconds_total"
    assert value(metrics, concealed, direction="from_phone") == 0.5
    assert value(metrics, "sip_gateway_talk_seconds_total", direction="from_bridge") == 9
    assert value(metrics, "sip_gateway_talk_seconds_total", direction="to_bridge") is None


def test_of_the_calls_there_are_the_worst_is_told() -> None:
    calls = [
        call(name, report=CallReport(from_phone=StreamReport(mos_cq=opinion)))
        for name, opinion in (("a", 4.2), ("b", 2.5), ("c", None))
    ]
    metrics = made(calls=tuple(calls))
    assert value(metrics, "sip_gateway_worst_mos", direction="from_phone") == 2.5
    assert value(metrics, "sip_gateway_worst_mos", direction="from_bridge") is None
    assert value(made(), "sip_gateway_worst_mos") is None


def test_a_call_that_was_not_answered_has_no_setup_time() -> None:
    metrics = made()
    metrics.ended(over(call(), EndReason.NO_SUCH_ROOM))
    assert value(metrics, "sip_gateway_call_setup_seconds_count") is None


def test_how_late_ticks_are_is_a_histogram() -> None:
    lateness = Lateness()
    for seconds in (0.0001, 0.001, 0.004, 0.5):
        lateness.add(seconds)
    load = EngineLoad(lateness=lateness.counts, lateness_sum=lateness.sum, skipped=7)
    metrics = made(load=load)
    buckets = {
        le: value(metrics, "sip_gateway_tick_lateness_seconds_bucket", le=le)
        for le in ("0.001", "0.002", "0.005", "0.2", "+Inf")
    }
    assert buckets == {"0.001": 2, "0.002": 2, "0.005": 3, "0.2": 3, "+Inf": 4}
    assert value(metrics, "sip_gateway_tick_lateness_seconds_count") == 4
    assert value(metrics, "sip_gateway_ticks_skipped_total") == 7


def test_every_worker_is_told_of() -> None:
    lateness = Lateness()
    lateness.add(0.003)
    counted = {"lateness": lateness.counts, "lateness_sum": lateness.sum}
    up = EngineLoad(calls=3, cpu_share=0.25, late_share=0.01, deaths=2, **counted)
    metrics = made(loads=(up, EngineLoad(down_since=5.0, **counted)))
    told = {
        name: [value(metrics, f"sip_gateway_{name}", worker=worker) for worker in "01"]
        for name in (
            "media_up",
            "media_calls",
            "media_cpu_share",
            "media_deaths_total",
            "ticks_late_share",
        )
    }
    assert told == {
        "media_up": [1, 0],
        "media_calls": [3, 0],
        "media_cpu_share": [0.25, 0],
        "media_deaths_total": [2, 0],
        "ticks_late_share": [0.01, 0],
    }
    assert value(metrics, "sip_gateway_tick_lateness_seconds_count") == 2


def test_openmetrics_is_given_to_who_asks_and_names_the_call() -> None:
    metrics = made()
    metrics.ended(over(call("abcd", answered_at=971.0)))
    body, content_type = metrics.exposition(OPEN)
    assert content_type.startswith("application/openmetrics-text")
    exemplars = [
        sample.exemplar.labels
        for family in parse_open(body.decode())
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert exemplars == [{"call": "abcd"}]
    assert metrics.exposition("text/plain")[1].startswith("text/plain; version=0.0.4")
    assert metrics.exposition("")[1].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("version", ["\udcff", "1.0.0, 2", "1..", "x;escaping=y", "9" * 5000])
def test_a_version_that_is_none_is_not_heeded(version: str) -> None:
    for media_type in ("application/openmetrics-text", "text/plain"):
        body, content_type = made().exposition(f"{media_type};version={version}")
        assert body
        content_type.encode("ascii")


def test_two_gateways_of_one_process_count_apart() -> None:
    first, second = made(), made()
    first.ended(over(call()))
    assert value(second, "sip_gateway_calls_ended_total") is None


def test_trunks_and_phones_are_told_of() -> None:
    states = RegistrationState.REGISTERED, RegistrationState.FAILING
    trunks = [
        TrunkStatus(state.value, 0, RegistrationStatus("sip:p.test", state, "", 10.0), probe)
        for state, probe in zip(states, (ProbeState.UP, ProbeState.DOWN), strict=True)
    ]
    expired = RegistrationStatus("sip:p.test", states[0], "", -1.0)
    trunks += [
        TrunkStatus("expired", 0, expired, ProbeState.UNKNOWN),
        TrunkStatus("plain", 0, refused_calls=3, refused_rate=4),
    ]
    phones = {"alice": ("udp:10.0.0.7:5060", "tcp:10.0.0.8:5060"), "bob": ("udp:10.0.0.9:5060",)}
    metrics = made(trunks=tuple(trunks), phones=phones, digest_counters={"stale": 5})
    names = ("registered", "failing", "expired", "plain")
    registered = [value(metrics, "sip_gateway_trunk_registered", trunk=name) for name in names]
    assert registered == [1, 0, 0, None]
    up = [value(metrics, "sip_gateway_trunk_up", trunk=name) for name in names]
    assert up == [1, 0, None, None]
    refused = {
        limit: value(metrics, "sip_gateway_trunk_calls_refused_total", trunk="plain", limit=limit)
        for limit in ("calls", "rate")
    }
    assert refused == {"calls": 3, "rate": 4}
    assert value(metrics, "sip_gateway_phones_registered") == 3
    assert value(metrics, "sip_gateway_digest_requests_total", result="stale") == 5
