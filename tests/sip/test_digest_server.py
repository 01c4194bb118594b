"""Who calls: the examples of the RFCs, our own client, and those who try."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip import digest_server
from gateway.sip.admission import Refusal
from gateway.sip.digest import ALGORITHMS, Credentials, DigestClient
from gateway.sip.digest_server import DigestAccount, DigestServer
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.nonces import Nonces
from tests.helpers.examples import at_most

ALICE = DigestAccount("alice", "secret")
OLD = DigestAccount("old", "phone", is_legacy=True)
QUOTED = DigestAccount('al"ice\\', "s\u00e9cret")
ACCOUNTS = {account.name: account for account in (ALICE, OLD, QUOTED)}
NOW = 1000.0


class AnyNonce(Nonces):
    """For examples, whose nonces are somebody else's."""

    def use(self, nonce: str, count: int | None, now: float) -> bool:
        return True


def invite(*fields: str) -> Request:
    headers = Headers([("Authorization", field) for field in fields])
    return Request("INVITE", "sip:room@192.0.2.1", headers)


def refused(answer: DigestAccount | Refusal) -> Refusal:
    assert isinstance(answer, Refusal)
    assert answer.status == 401
    return answer


def response(refusal: Refusal) -> Response:
    return Response(refusal.status, "", Headers(refusal.headers))


def is_stale(refusal: Refusal) -> bool:
    told = {"stale=true" in value for _, value in refusal.headers}
    assert len(told) == 1
    return told.pop()


def asked(server: DigestServer, now: float = NOW) -> Refusal:
    return refused(server.authenticate(invite(), ACCOUNTS.get, now))


def client_of(account: DigestAccount, challenge: Refusal) -> DigestClient:
    """Our own client, which has been challenged."""
    client = DigestClient(Credentials(account.name, account.password))
    assert client.exchange().answer(response(challenge))
    return client


def next_invite(client: DigestClient) -> Request:
    request = invite()
    client.authorize(request)
    return request


def without_qop(request: Request, account: DigestAccount) -> Request:
    """As a phone of RFC 2069 answers: it does not know what qop is."""
    nonce = request.headers["Authorization"].split('nonce="')[1].partition('"')[0]
    challenge = f'Digest realm="gateway", nonce="{nonce}", algorithm=MD5'
    old = Response(401, "", Headers([("WWW-Authenticate", challenge)]))
    client = DigestClient(Credentials(account.name, account.password))
    assert client.exchange().answer(old)
    return next_invite(client)


# --- the examples of the RFCs -------------------------------------------------------------------

_RFC_7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
    'algorithm={}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    server = DigestServer("http-auth@example.org", nonces=AnyNonce())
    mufasa = DigestAccount("Mufasa", "Circle of Life")
    for written, is_right in ((response, True), (response[:-1] + "0", False)):
        field = _RFC_7616.format(algorithm, written)
        request = Request("GET", "/dir/index.html", Headers([("Authorization", field)]))
        given = server.authenticate(request, {"Mufasa": mufasa}.get, NOW)
        assert (given == mufasa) is is_right


def test_rfc_7616_section_3_9_2_as_its_erratum_has_it() -> None:
    server = DigestServer("api@example.org", nonces=AnyNonce())
    doe = DigestAccount("J\u00e4s\u00f8n Doe", "Secret, or not?")
    field = (
        'Digest username="J\u00e4s\u00f8n Doe", realm="api@example.org", uri="/doe.json", '
        'algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'nc=00000001, cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", qop=auth, '
        'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"'
    )
    request = Request("GET", "/doe.json", Headers([("Authorization", field)]))
    assert server.authenticate(request, {doe.name: doe}.get, NOW) == doe


def test_rfc_2069_as_its_erratum_has_it() -> None:
    server = DigestServer("testrealm@host.com", nonces=AnyNonce())
    field = (
        'Digest username="Mufasa", realm="testrealm@host.com", uri="/dir/index.html", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", response="1949323746fe6a43ef61f9606e7febea"'
    )
    request = Request("GET", "/dir/index.html", Headers([("Authorization", field)]))
    mufasa = DigestAccount("Mufasa", "CircleOfLife", is_legacy=True)
    assert server.authenticate(request, {"Mufasa": mufasa}.get, NOW) == mufasa
    modern = replace(mufasa, is_legacy=False)
    assert server.authenticate(request, {"Mufasa": modern}.get, NOW) != modern


def test_rfc_8760_section_2_3_each_algorithm_has_a_field_the_preferred_first() -> None:
    refusal = asked(DigestServer("gateway"))
    assert {name for name, _ in refusal.headers} == {"WWW-Authenticate"}
    values = [value for _, value in refusal.headers]
    assert [value.split("algorithm=")[1].split(",")[0] for value in values] == list(ALGORITHMS)
    assert all('qop="auth"' in value and 'realm="gateway"' in value for value in values)


# --- our own client -----------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("account", [ALICE, QUOTED], ids=["plain", "quoted"])
def test_who_knows_the_password_is_known(algorithm: str, account: DigestAccount) -> None:
    server = DigestServer("gateway", algorithms=(algorithm,))
    client = client_of(account, asked(server))
    for _ in range(20):
        assert server.authenticate(next_invite(client), ACCOUNTS.get, NOW) == account
    assert (server.counters.asked, server.counters.accepted) == (1, 20)


def test_a_request_that_is_repeated_is_stale_and_its_sender_goes_on_with_a_new_nonce() -> None:
    server = DigestServer("gateway")
    client = client_of(ALICE, asked(server))
    request = next_invite(client)
    assert server.authenticate(request, ACCOUNTS.get, NOW) == ALICE
    refusal = refused(server.authenticate(request, ACCOUNTS.get, NOW))
    assert is_stale(refusal)
    assert server.counters.stale == 1
    again = client_of(ALICE, refusal)
    assert server.authenticate(next_invite(again), ACCOUNTS.get, NOW) == ALICE


def test_a_nonce_that_is_too_old_is_stale_for_who_knows_the_password_only() -> None:
    server = DigestServer("gateway", nonces=Nonces(lifetime=60))
    challenge = asked(server)
    right, wrong = client_of(ALICE, challenge), client_of(replace(ALICE, password="?"), challenge)
    late = NOW + 61
    assert is_stale(refused(server.authenticate(next_invite(right), ACCOUNTS.get, late)))
    assert not is_stale(refused(server.authenticate(next_invite(wrong), ACCOUNTS.get, late)))


def test_a_response_is_good_for_its_method_only() -> None:
    server = DigestServer("gateway")
    request = next_invite(client_of(ALICE, asked(server)))
    other = Request("REGISTER", request.uri, request.headers)
    assert not is_stale(refused(server.authenticate(other, ACCOUNTS.get, NOW)))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("nc=00000001", "nc=00000002"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=00000000"),
        ("qop=auth", "qop=auth-int"),
        ("qop=auth", "qop=none"),
        ("qop=auth, ", ""),
        ("sip:room", "sip:ruin"),
        ("cnonce=", "nonsense="),
        ('realm="gateway"', 'realm="elsewhere"'),
        ("algorithm=SHA-512-256", "algorithm=MD5"),
        ("algorithm=SHA-512-256", "algorithm=SHA-512-256-sess"),
        ("algorithm=SHA-512-256", "algorithm=ROT13"),
        ("response=", "responds="),
        ("Digest ", "Basic "),
        ('username="alice"', 'username="bob"'),
    ],
)
def test_what_is_changed_on_the_way_is_refused(mine: str, theirs: str) -> None:
    server = DigestServer("gateway")
    value = next_invite(client_of(ALICE, asked(server))).headers["Authorization"]
    assert mine in value
    changed = invite(value.replace(mine, theirs, 1))
    assert not is_stale(refused(server.authenticate(changed, ACCOUNTS.get, NOW)))
    assert server.authenticate(invite(value), ACCOUNTS.get, NOW) == ALICE


def test_credentials_for_others_are_passed_over() -> None:
    server = DigestServer("gateway")
    value = next_invite(client_of(ALICE, asked(server))).headers["Authorization"]
    other = 'Digest realm="proxy", username="alice", nonce="1", uri="sip:x", response="0"'
    assert server.authenticate(invite(other, value), ACCOUNTS.get, NOW) == ALICE


def test_an_algorithm_that_is_not_offered_is_not_taken() -> None:
    server = DigestServer("gateway", algorithms=("SHA-256",))
    md5 = DigestServer("gateway", algorithms=("MD5",), nonces=server._nonces)
    request = next_invite(client_of(ALICE, asked(md5)))
    refused(server.authenticate(request, ACCOUNTS.get, NOW))


# --- phones without qop -------------------------------------------------------------------------


def test_without_qop_only_legacy_users_are_known_and_each_nonce_once() -> None:
    server = DigestServer("gateway", algorithms=("MD5",))
    for account, is_known in ((OLD, True), (ALICE, False)):
        request = without_qop(next_invite(client_of(account, asked(server))), account)
        assert "qop" not in request.headers["Authorization"]
        assert (server.authenticate(request, ACCOUNTS.get, NOW) == account) is is_known
        again = refused(server.authenticate(request, ACCOUNTS.get, NOW))
        assert is_stale(again) is is_known  # who is not legacy is not told that this was right


def test_a_legacy_user_may_use_qop_all_the_same() -> None:
    server = DigestServer("gateway")
    client = client_of(OLD, asked(server))
    assert server.authenticate(next_invite(client), ACCOUNTS.get, NOW) == OLD


# --- those who try ------------------------------------------------------------------------------


def test_a_user_that_is_not_known_is_answered_after_the_same_work_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work: list[str] = []
    digest = digest_server.digest

    def counted(*args: object, **kwargs: object) -> str:
        work.append("digest")
        return digest(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(digest_server, "digest", counted)
    server = DigestServer("gateway")
    answers = []
    for account in (ALICE, OLD, DigestAccount("nobody at all", "?"), DigestAccount("nobody", "?")):
        client = client_of(replace(account, password="wrong"), asked(server))
        work.clear()
        refusal = refused(server.authenticate(next_invite(client), ACCOUNTS.get, NOW))
        nonce = refusal.headers[0][1].split('nonce="')[1].partition('"')[0]
        shape = [(name, value.replace(nonce, "")) for name, value in refusal.headers]
        answers.append((refusal.status, refusal.phrase, shape, len(nonce), tuple(work)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][-1] == ("digest",)
    assert server.counters.refused == 4


@at_most(25)
@given(st.text(max_size=200))
def test_whatever_stands_there_is_a_challenge_and_no_fault(text: str) -> None:
    refused(DigestServer("gateway").authenticate(invite(f"Digest {text}"), ACCOUNTS.get, NOW))


@at_most(25)
@given(
    st.dictionaries(
        st.sampled_from(["username", "nonce", "uri", "response", "qop", "nc"]),
        st.text(st.characters(codec="utf-8", exclude_characters='"\\'), max_size=20),
    )
)
def test_no_parameters_that_are_made_up_let_anybody_in(parameters: dict[str, str]) -> None:
    pieces = [f'{name}="{value}"' for name, value in parameters.items()]
    field = f'Digest realm="gateway", cnonce="1", {", ".join(pieces)}'
    refused(DigestServer("gateway").authenticate(invite(field), ACCOUNTS.get, NOW))


def test_strangers_make_nothing_grow() -> None:
    nonces = Nonces()
    server = DigestServer("gateway", nonces=nonces)
    for _ in range(100):
        client = client_of(replace(ALICE, password="?"), asked(server))
        refused(server.authenticate(next_invite(client), ACCOUNTS.get, NOW))
    assert len(nonces) == 0


def test_passwords_are_in_no_repr() -> None:
    assert "secret" not in repr(ALICE)
