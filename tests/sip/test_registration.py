"""Our registration, against a registrar in simulated time that comes and goes as it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.digest import Credentials
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.registration import Registration, RegistrationConfig, RegistrationState
from tests.helpers.examples import at_most
from tests.sip.test_digest import parameters
from tests.sip.wire import TCP, UDP, Bench, response

CONTACT = "sip:gw@192.0.2.1:5060"
CONFIG = RegistrationConfig("sip:provider.test", "4312345", "gw", Credentials("auth", "secret"))
CHALLENGE = ("WWW-Authenticate", 'Digest realm="provider", nonce="n1", qop="auth", algorithm=MD5')

Fields = list[tuple[str, str]]
Answer = tuple[int, Fields]


def granted(request: Request, expires: int | None = None) -> Answer:
    """200, with our binding as it was asked for, or for so long."""
    if expires is None:
        return 200, [("Contact", request.headers["Contact"])]
    uri = request.headers["Contact"].partition(";expires")[0]
    return 200, [("Contact", f'"else" <sip:x@192.0.2.9>;expires=7, {uri};expires={expires}')]


def lenient(request: Request) -> Answer:
    return granted(request)


def strict(request: Request) -> Answer:
    """Wants to know who it is."""
    return granted(request) if request.headers.get("Authorization") else (401, [CHALLENGE])


@dataclass
class Scene:
    """A registration on a real stack, and a registrar."""

    answer: Callable[[Request], Answer] = strict
    config: RegistrationConfig = CONFIG
    flow: object = UDP
    seed: int = 1
    bench: Bench = field(default_factory=Bench)
    is_up: bool = True
    heard: list[tuple[float, Request]] = field(default_factory=list)
    """What the registrar received, and when; repetitions too."""

    def __post_init__(self) -> None:
        self.registration = Registration(self.config, Random(self.seed))
        self._busy = False

    @property
    def state(self) -> RegistrationState:
        return self.registration.state

    def advance(self, seconds: float) -> None:
        """Let time pass: what `Liaison` does with sockets and a clock."""
        end = self.bench.now + seconds
        while True:
            due = None if self._busy else max(self.registration.due, self.bench.now)
            timer = self.bench.stack.next_timer()
            times = [time for time in (due, timer) if time is not None and time <= end]
            if not times:
                self.bench.now = end
                return
            self.bench.now = max(self.bench.now, min(times))
            if due is not None and due <= self.bench.now:
                self._send(self.registration.begin(CONTACT))
            else:
                self.bench.advance(0)
            self._exchange()

    def until(self, is_so: Callable[[], bool], within: float) -> float:
        """How long it takes for something to be so, in steps of a tenth of a second."""
        begun = self.bench.now
        while not is_so():
            assert self.bench.now - begun < within, f"not within {within} s"
            self.advance(0.1)
        return self.bench.now - begun

    def _send(self, request: Request) -> None:
        self._busy = True

        def told(outcome: object, now: float) -> None:
            following = self.registration.receive(outcome, now)  # type: ignore[arg-type]
            self._busy = False
            if following is not None:
                self._send(following)

        flow: object = self.flow
        self.bench.order(lambda now: self.bench.stack.request(request, flow, told, now))  # type: ignore[arg-type]

    def _exchange(self) -> None:
        while sent := self.bench.take():
            for each in sent:
                if not self.is_up:
                    continue
                request = parse_message(each.transmission.data)
                assert isinstance(request, Request)
                self.heard.append((self.bench.now, request))
                status, fields = self.answer(request)
                self.bench.receive(response(request, status, fields=fields))

    @property
    def requests(self) -> list[Request]:
        return [request for _, request in self.heard]


def test_a_register_says_who_and_where_and_is_answered_with_credentials() -> None:
    scene = Scene()
    scene.advance(0)
    assert scene.state is RegistrationState.REGISTERED
    assert scene.registration.expires_at == scene.bench.now + 3600
    first, second = scene.requests
    assert first.uri == second.uri == "sip:provider.test"
    assert first.headers.to.uri == first.headers.from_.uri == "sip:4312345@provider.test"
    assert first.headers["Contact"] == f"<{CONTACT}>;expires=3600"
    assert first.headers.get("Authorization") is None
    told = parameters(second.headers["Authorization"])
    assert (told["username"], told["uri"]) == ('"auth"', '"sip:provider.test"')
    assert second.headers.from_.tag == first.headers.from_.tag != ""


@pytest.mark.parametrize(
    ("told", "gone_by"),
    [
        (["<sip:a;lr>, <sip:b;lr>"], ("<sip:a;lr>", "<sip:b;lr>")),
        (["<sip:a;lr>", '"B" <sip:b:5070;transport=tcp;lr>'], None),
        (["<sip:a;lr>", "<sip:strict>"], ()),
        (["?"], ()),
        ([], ()),
    ],
)
def test_a_service_route_holds_until_the_registrar_says_otherwise(
    told: list[str], gone_by: tuple[str, ...] | None
) -> None:
    routes = [("Service-Route", value) for value in told]
    scene = Scene(answer=lambda request: (200, [*lenient(request)[1], *routes]))
    scene.advance(0)
    assert scene.state is RegistrationState.REGISTERED
    assert scene.registration.service_route == (tuple(told) if gone_by is None else gone_by)
    scene.is_up = False
    scene.advance(100)
    assert scene.registration.service_route == (tuple(told) if gone_by is None else gone_by)
    scene.is_up, scene.answer = True, lenient
    scene.advance(100)
    assert scene.registration.service_route == ()


def test_call_id_stays_and_cseq_rises_over_all_attempts() -> None:
    scene = Scene()
    scene.advance(300)
    scene.is_up = False
    scene.advance(100)
    scene.is_up = True
    scene.advance(300)
    distinct = {request.headers.cseq.sequence: request for request in scene.requests}
    sequences = [request.headers.cseq.sequence for request in scene.requests]
    assert sequences == sorted(sequences)
    assert len(distinct) > 8
    assert len({request.headers.call_id for request in scene.requests}) == 1


@at_most(25)
@given(expires=st.integers(1, 100_000), asked=st.integers(60, 3600), seed=st.integers(0, 99))
def test_it_is_repeated_before_it_expires_and_within_the_refresh_time(
    expires: int, asked: int, seed: int
) -> None:
    scene = Scene(
        answer=lambda request: granted(request, expires),
        config=RegistrationConfig("sip:provider.test", "u", "gw", expires=asked, refresh=45),
        seed=seed,
    )
    scene.advance(0)
    wait = scene.registration.due - scene.bench.now
    assert 0 < wait < expires
    assert wait <= 45
    assert scene.registration.expires_at == scene.bench.now + expires


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([("Contact", "<sip:GW@elsewhere:5060>;expires=9"), ("Expires", "120")], 120),
        ([("Contact", f"<{CONTACT}>"), ("Expires", "130")], 130),
        ([("Contact", f"<{CONTACT};transport=udp>;expires=140")], 140),
        ([("Contact", "nonsense"), ("Expires", "nonsense")], 3600),
        ([], 3600),
    ],
)
def test_how_long_a_registrar_keeps_us_is_read_as_it_says_it(fields: Fields, kept: int) -> None:
    scene = Scene(answer=lambda _: (200, fields))
    scene.advance(0)
    assert scene.registration.expires_at == scene.bench.now + kept


def test_a_registrar_that_keeps_nothing_has_not_registered_us() -> None:
    scene = Scene(answer=lambda request: granted(request, 0))
    scene.advance(0)
    assert scene.state is RegistrationState.FAILING
    assert "not kept" in scene.registration.error


def test_an_interval_too_brief_is_made_as_long_as_wanted_at_once_and_for_good() -> None:
    def wants_two_hours(request: Request) -> Answer:
        brief = request.headers["Expires"] != "7200"
        return (423, [("Min-Expires", "7200")]) if brief else granted(request)

    scene = Scene(answer=wants_two_hours)
    scene.advance(0)
    assert scene.state is RegistrationState.REGISTERED
    assert scene.registration.expires_at == scene.bench.now + 7200
    scene.advance(50)
    assert [request.headers["Expires"] for request in scene.requests] == ["3600", "7200", "7200"]


def test_a_423_that_wants_more_each_time_is_not_done_for_ever() -> None:
    def wants_more(request: Request) -> Answer:
        expires = int(request.headers["Expires"])
        return (423, [("Min-Expires", str(expires + 1))]) if expires < 3610 else granted(request)

    scene = Scene(answer=wants_more)
    scene.advance(0)
    assert scene.state is RegistrationState.REFUSED
    assert [request.headers["Expires"] for request in scene.requests] == [
        *("3600", "3601", "3602", "3603", "3604")
    ]


@pytest.mark.parametrize("fields", [[], [("Min-Expires", "x")], [("Min-Expires", "9999999")]])
def test_a_423_that_makes_no_sense_is_a_refusal(fields: Fields) -> None:
    scene = Scene(answer=lambda _: (423, fields))
    scene.advance(0)
    assert scene.state is RegistrationState.REFUSED
    assert len(scene.requests) == 1


def test_a_wrong_password_is_tried_once_an_attempt_and_attempts_are_rare() -> None:
    scene = Scene(answer=lambda _: (401, [CHALLENGE]))
    scene.advance(0)
    assert scene.state is RegistrationState.REFUSED
    assert "401" in scene.registration.error
    assert len(scene.requests) == 2
    scene.advance(600)
    assert len(scene.requests) < 40


@pytest.mark.parametrize("status", [500, 503, 480, 302])
def test_what_may_pass_is_tried_again_soon(status: int) -> None:
    scene = Scene(answer=lambda _: (status, []))
    scene.advance(0)
    assert scene.state is RegistrationState.FAILING
    assert scene.registration.due - scene.bench.now <= 1.0


@pytest.mark.parametrize(("asked", "least", "most"), [(0, 0.5, 1), (30, 30, 33), (4000, 45, 45)])
@pytest.mark.parametrize("seed", range(5))
def test_a_registrar_that_wants_time_gets_it_but_not_for_ever(
    asked: int, least: float, most: float, seed: int
) -> None:
    scene = Scene(answer=lambda _: (503, [("Retry-After", str(asked))]), seed=seed)
    scene.advance(0)
    assert least <= scene.registration.due - scene.bench.now <= most


def test_attempts_of_several_gateways_fall_apart() -> None:
    dues = set()
    for seed in range(20):
        scene = Scene(answer=lambda _: (500, []), seed=seed)
        scene.advance(100)
        dues.add(round(scene.registration.due, 3))
    assert len(dues) == 20


@pytest.mark.parametrize("seed", range(10))
def test_a_registrar_that_was_dead_for_ten_minutes_has_us_back_within_a_minute(seed: int) -> None:
    scene = Scene(seed=seed)
    scene.advance(Random(seed).uniform(0, 200))
    assert scene.state is RegistrationState.REGISTERED
    scene.is_up = False
    scene.advance(600)
    assert scene.state is RegistrationState.FAILING
    assert scene.registration.error == "no answer"
    scene.is_up = True
    assert scene.until(lambda: scene.state is RegistrationState.REGISTERED, 60) <= 60


@pytest.mark.parametrize("seed", range(10))
def test_one_that_was_away_so_shortly_that_nobody_saw_it_has_us_back_as_well(seed: int) -> None:
    scene = Scene(seed=seed)
    scene.advance(Random(seed).uniform(0, 200))
    before = len(scene.heard)  # and all of that is forgotten
    scene.until(lambda: len(scene.heard) > before, 60)


@pytest.mark.parametrize("seed", range(10))
def test_over_tcp_nothing_is_repeated_and_it_still_takes_no_longer(seed: int) -> None:
    scene = Scene(seed=seed, flow=TCP)
    scene.advance(100)
    scene.is_up = False
    scene.advance(600 + Random(seed).uniform(0, 60))
    scene.is_up = True
    assert scene.until(lambda: scene.state is RegistrationState.REGISTERED, 60) <= 60


def test_a_name_that_does_not_resolve_is_waited_for() -> None:
    registration = Registration(CONFIG, Random(1))
    now = 0.0
    for _ in range(50):
        registration.fail("no way", now)
        assert registration.state is RegistrationState.FAILING
        assert now < registration.due <= now + 20
        now = registration.due


def test_a_nonce_that_lives_on_is_used_unasked_and_a_stale_one_replaced() -> None:
    nonces = iter(["n1", "n2", "n3"])
    current = next(nonces)

    def registrar(request: Request) -> Answer:
        value = request.headers.get("Authorization")
        if value is not None and parameters(value)["nonce"] == f'"{current}"':
            return granted(request)
        stale = ", stale=true" if value is not None else ""
        return 401, [
            ("WWW-Authenticate", f'Digest realm="p", nonce="{current}", qop="auth"{stale}')
        ]

    scene = Scene(answer=registrar)
    scene.advance(100)
    counts = [
        parameters(request.headers["Authorization"])["nc"]
        for request in scene.requests
        if request.headers.get("Authorization")
    ]
    assert counts == ["00000001", "00000002", "00000003"]
    current = next(nonces)
    scene.advance(50)
    assert scene.state is RegistrationState.REGISTERED
    assert parameters(scene.requests[-1].headers["Authorization"])["nc"] == "00000001"


def test_at_the_end_the_binding_is_taken_back() -> None:
    scene = Scene()
    scene.advance(10)
    request = scene.registration.end()
    assert request is not None
    assert request.headers["Contact"] == f"<{CONTACT}>;expires=0"
    assert request.headers["Expires"] == "0"
    assert request.headers.get("Authorization")
    assert request.headers.cseq.sequence == scene.requests[-1].headers.cseq.sequence + 1
    assert scene.state is RegistrationState.ENDED


def test_who_never_asked_has_nothing_to_take_back() -> None:
    assert Registration(CONFIG).end() is None


def test_credentials_are_no_business_of_a_registrar_that_does_not_ask() -> None:
    scene = Scene(answer=lenient)
    scene.advance(200)
    assert all(request.headers.get("Authorization") is None for request in scene.requests)


def test_an_ipv6_registrar_is_registered_at() -> None:
    registration = Registration(RegistrationConfig("sip:[2001:db8::1]:5070", "u", "gw"))
    request = registration.begin(CONTACT)
    assert request.headers.to.uri == "sip:u@[2001:db8::1]"
    assert isinstance(parse_message(request.serialize()), Request)
    assert not isinstance(request, Response)
