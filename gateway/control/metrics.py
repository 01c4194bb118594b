"""`GET /metrics` for Prometheus: our own names, and what Jigasi's dashboards look for.

Calls are counted as they end; everything else is read from a snapshot when it is asked for.
config/JIGASI.md has the list for people; a test compares the two.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.calls.record import CallRecord
from gateway.control.health import examine
from gateway.control.snapshot import Phase, Snapshot
from gateway.control.stats import JIGASI_STATS
from gateway.ivr.dial_in_counts import DialInCounts
from gateway.media.load import LATENESS_BOUNDS, EngineLoad
from gateway.media.messages import StreamReport

_OPINIONS = (1.5, 2.0, 2.5, 3.0, 3.3, 3.6, 3.8, 4.0, 4.2, 4.5)  # MOS
_SETUP = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 60.0, 300.0)  # seconds


class Metrics:
    """The metrics of one gateway, in a registry of their own."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._registry = CollectorRegistry()
        self._calls = _CallMetrics(self._registry)
        self._registry.register(_Reader(snapshot))
        ProcessCollector(registry=self._registry)

    def ended(self, record: CallRecord) -> None:
        """Count a call that is over."""
        self._calls.ended(record)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics, and their media type, as an Accept header wants them."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


class _CallMetrics:
    """What calls leave behind. Label values come from the configuration or from lists of ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter(
            "sip_gateway_calls_ended",
            "Calls that are over, by end reason.",
            ("trunk", "reason"),
            registry=registry,
        )
        self._setup = Histogram(
            "sip_gateway_call_setup_seconds",
            "From the INVITE to the acknowledged answer.",
            ("trunk",),
            registry=registry,
            buckets=_SETUP,
        )
        self._media = Histogram(
            "sip_gateway_media_setup_seconds",
            "From the INVITE until audio of the conference flowed.",
            ("trunk",),
            registry=registry,
            buckets=_SETUP,
        )
        self._packets = Counter(
            "sip_gateway_rtp_packets",
            "RTP packets of calls that are over, by direction.",
            ("trunk", "direction"),
            registry=registry,
        )
        self._lost = Counter(
            "sip_gateway_rtp_packets_lost",
            "RTP packets that never came.",
            ("trunk", "direction"),
            registry=registry,
        )
        self._dropped = Counter(
            "sip_gateway_rtp_datagrams_dropped",
            "Datagrams that came to a call's ports and were not used.",
            ("trunk", "direction"),
            registry=registry,
        )

        self._opinion = Histogram(
            "sip_gateway_call_mos",
            "What people would say of the sound of a call that is over, by the E-model.",
            ("trunk", "direction"),
            registry=registry,
            buckets=_OPINIONS,
        )
        self._concealed = Counter(
            "sip_gateway_rtp_concealed_seconds",
            "Audio that was not there in time and was made up.",
            ("trunk", "direction"),
            registry=registry,
        )
        self._talk = Counter(
            "sip_gateway_talk_seconds",
            "Speech in calls that are over; of all who spoke in the conference together.",
            ("trunk", "direction"),
            registry=registry,
        )

    def ended(self, record: CallRecord) -> None:
        assert record.end is not None
        exemplar = {"call": record.id}
        self._ended.labels(record.trunk, record.end.reason.label).inc()
        if record.answered_at is not None:
            self._setup.labels(record.trunk).observe(record.setup_time, exemplar)
        if record.media_at is not None:
            self._media.labels(record.trunk).observe(record.media_time, exemplar)
        report = record.report
        self._stream(record.trunk, "from_phone", report.from_phone)
        self._stream(record.trunk, "from_bridge", report.from_bridge)
        for direction, stream in report.directions.items():
            if stream.mos_cq is not None:
                self._opinion.labels(record.trunk, direction).observe(stream.mos_cq, exemplar)
        self._packets.labels(record.trunk, "to_phone").inc(report.to_phone.packets)
        self._packets.labels(record.trunk, "to_bridge").inc(report.to_bridge.packets)

    def _stream(self, trunk: str, direction: str, received: StreamReport) -> None:
        self._packets.labels(trunk, direction).inc(received.packets)
        self._lost.labels(trunk, direction).inc(max(0, received.lost))  # below 0: duplicates
        self._dropped.labels(trunk, direction).inc(received.discarded)
        self._concealed.labels(trunk, direction).inc(received.concealed / 1000)
        self._talk.labels(trunk, direction).inc(received.talk / 1000)


class _Reader(Collector):
    """Makes metrics from a snapshot each time they are collected."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is does not depend on it, and nothing is read before it is asked."""
        return ()

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot()
        yield _labelled(
            GaugeMetricFamily("sip_gateway_info", "Its version.", labels=("version",)),
            [((snapshot.version,), 1)],
        )
        yield from _of_calls(snapshot)
        yield from _of_quality(snapshot)
        yield from _of_sip(snapshot)
        yield from _of_trunks(snapshot)
        yield from _of_xmpp(snapshot)
        if snapshot.dial_in is not None:
            yield from _of_dial_in(snapshot.dial_in)
        yield from _of_media(snapshot.load)
        yield from _of_workers(snapshot.loads)
        yield from _as_jigasi(snapshot)


Family = CounterMetricFamily | GaugeMetricFamily


def _labelled(family: Family, values: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def _of_calls(snapshot: Snapshot) -> Iterator[Metric]:
    by_trunk: dict[str, int] = {}
    for record in snapshot.calls:
        by_trunk[record.trunk] = by_trunk.get(record.trunk, 0) + 1
    yield _labelled(
        GaugeMetricFamily("sip_gateway_calls", "Calls that are not over.", labels=("trunk",)),
        [((trunk,), count) for trunk, count in by_trunk.items()],
    )
    yield GaugeMetricFamily(
        "sip_gateway_calls_joined", "Calls that are in a room.", len(snapshot.joined)
    )
    yield GaugeMetricFamily("sip_gateway_calls_max", "As configured.", snapshot.max_calls)
    yield GaugeMetricFamily(
        "sip_gateway_stress", "No more calls should come at 1.", snapshot.stress
    )
    yield GaugeMetricFamily(
        "sip_gateway_draining", "1: new calls are refused.", snapshot.phase is Phase.DRAINING
    )
    yield _labelled(
        GaugeMetricFamily("sip_gateway_healthy", "Whether a part is well.", labels=("part",)),
        [((part.value,), each.is_well) for part, each in examine(snapshot).items()],
    )


def _of_quality(snapshot: Snapshot) -> Iterator[Metric]:
    """The worst of the calls that go on: a mean would hide it."""
    worst: dict[str, float] = {}
    for record in snapshot.calls:
        for direction, stream in record.report.directions.items():
            if stream.mos_cq is not None:
                worst[direction] = min(stream.mos_cq, worst.get(direction, stream.mos_cq))
    yield _labelled(
        GaugeMetricFamily(
            "sip_gateway_worst_mos", "Of the calls that are not over.", labels=("direction",)
        ),
        [((direction,), opinion) for direction, opinion in worst.items()],
    )


def _of_sip(snapshot: Snapshot) -> Iterator[Metric]:
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_sip_responses_sent", "By status, each once.", labels=("code",)
        ),
        [((str(code),), count) for code, count in sorted(snapshot.responses_sent.items())],
    )
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_sip_messages", "What the SIP stack counts, drops too.", labels=("kind",)
        ),
        [((kind,), count) for kind, count in snapshot.sip_counters.items()],
    )


def _of_trunks(snapshot: Snapshot) -> Iterator[Metric]:
    trunks = snapshot.trunks
    yield _labelled(
        GaugeMetricFamily(
            "sip_gateway_trunk_registered",
            "1: its registrar knows us. Trunks that register only.",
            labels=("trunk",),
        ),
        [((t.name,), t.registration.is_registered) for t in trunks if t.registration is not None],
    )
    yield _labelled(
        GaugeMetricFamily(
            "sip_gateway_trunk_up",
            "1: it answers. Trunks that are asked only, once that is known.",
            labels=("trunk",),
        ),
        [((trunk.name,), trunk.is_up) for trunk in trunks if trunk.is_up is not None],
    )
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_trunk_calls_refused",
            "Calls above a limit of their trunk: of calls, or of their rate.",
            labels=("trunk", "limit"),
        ),
        [
            ((trunk.name, limit), count)
            for trunk in trunks
            for limit, count in (("calls", trunk.refused_calls), ("rate", trunk.refused_rate))
        ],
    )
    yield GaugeMetricFamily(
        "sip_gateway_phones_registered",
        "Contacts of users that are registered here.",
        sum(len(places) for places in snapshot.phones.values()),
    )
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_digest_requests",
            "Requests that had to prove who sends them, by what became of them.",
            labels=("result",),
        ),
        [((result,), count) for result, count in snapshot.digest_counters.items()],
    )


def _of_xmpp(snapshot: Snapshot) -> Iterator[Metric]:
    yield _labelled(
        CounterMetricFamily("sip_gateway_xmpp_logins", "That succeeded.", labels=("installation",)),
        [((name,), logins.succeeded) for name, logins in snapshot.logins.items()],
    )
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_xmpp_login_failures", "By cause.", labels=("installation", "cause")
        ),
        [
            ((name, cause.value), count)
            for name, logins in snapshot.logins.items()
            for cause, count in logins.failed.items()
        ],
    )
    yield CounterMetricFamily(
        "sip_gateway_conference_rejoins", "Rooms entered again.", snapshot.totals.rejoins
    )


def _of_dial_in(counts: DialInCounts) -> Iterator[Metric]:
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_dial_in_answers",
            "Of the conference mapper and the list of numbers.",
            labels=("service", "code"),
        ),
        [((service, str(code)), count) for (service, code), count in counts.answers.items()],
    )
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_pin_tries", "PINs that were tried.", labels=("trunk", "outcome")
        ),
        [((trunk, outcome), count) for (trunk, outcome), count in counts.tries.items()],
    )
    yield _labelled(
        GaugeMetricFamily(
            "sip_gateway_pin_guessing", "1: somebody guesses PINs.", labels=("trunk",)
        ),
        [((trunk,), trunk in counts.alarms) for trunk in {trunk for trunk, _ in counts.tries}],
    )


def _of_media(load: EngineLoad) -> Iterator[Metric]:
    bounds = [*map(str, LATENESS_BOUNDS), "+Inf"]
    yield HistogramMetricFamily(
        "sip_gateway_tick_lateness_seconds",
        "How late the media clock's ticks of 2 ms are.",
        buckets=list(zip(bounds, accumulate(load.lateness), strict=True)),
        sum_value=load.lateness_sum,
    )
    yield CounterMetricFamily("sip_gateway_ticks_skipped", "Time given up.", load.skipped)
    yield GaugeMetricFamily(
        "sip_gateway_tick_longest_stall_seconds", "The worst of all.", load.longest_stall
    )


def _of_workers(loads: tuple[EngineLoad, ...]) -> Iterator[Metric]:
    """Of each process that carries media; this one, if it does so itself, is worker 0."""

    def gauge(name: str, help_: str, read: Callable[[EngineLoad], float]) -> Metric:
        values = [((str(at),), read(load)) for at, load in enumerate(loads)]
        return _labelled(GaugeMetricFamily(name, help_, labels=("worker",)), values)

    yield gauge(
        "sip_gateway_ticks_late_share",
        "Of the last 10 s, above 5 ms.",
        lambda load: load.late_share,
    )
    yield gauge(
        "sip_gateway_media_up",
        "1 for a process that is there.",
        lambda load: load.down_since is None,
    )
    yield gauge("sip_gateway_media_calls", "Calls it carries.", lambda load: load.calls)
    yield gauge(
        "sip_gateway_media_cpu_share",
        "Of a core; 0 if it is the gateway's own process.",
        lambda load: load.cpu_share,
    )
    yield _labelled(
        CounterMetricFamily(
            "sip_gateway_media_deaths", "Of its processes; each was replaced.", labels=("worker",)
        ),
        [((str(at),), load.deaths) for at, load in enumerate(loads)],
    )


def _as_jigasi(snapshot: Snapshot) -> Iterator[Metric]:
    families = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
    for stat in JIGASI_STATS:
        value = stat.read(snapshot)
        if stat.metric is not None and isinstance(value, int | float):
            yield families[stat.metric](f"jitsi_jigasi_{stat.name}", stat.help, value)
