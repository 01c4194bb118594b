"""Digest authentication against the examples of its RFCs, and against servers of all kinds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.digest import Challenge, Credentials, DigestClient, read_challenges
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response

MUFASA = Credentials("Mufasa", "Circle of Life")
LOCAL = Credentials("alice", "secret")


def challenge(*values: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, "", Headers([(name, value) for value in values]))


def get(uri: str) -> Request:
    return Request("GET", uri, Headers())


def parameters(value: str) -> dict[str, str]:
    """The parameters of credentials, read by other means than the code's."""
    assert value.startswith("Digest ")
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^", ]+)(?:, |$)', value[7:])
    return dict(found)


def answer(
    response: Response,
    *,
    credentials: Credentials = LOCAL,
    cnonce: str = "0123",
    request: Request | None = None,
) -> dict[str, str]:
    """The parameters of our answer to a challenge."""
    client = DigestClient(credentials, new_cnonce=lambda: cnonce)
    exchange = client.exchange()
    assert exchange.answer(response)
    request = request or Request("INVITE", "sip:bob@192.0.2.10", Headers())
    exchange.authorize(request)
    name = "Authorization" if response.status == 401 else "Proxy-Authorization"
    (value,) = request.headers.getlist(name)
    return parameters(value)


# --- the examples of the RFCs -------------------------------------------------------------------


def test_rfc_2617_section_3_5() -> None:
    asked = challenge(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    credentials = Credentials("Mufasa", "Circle Of Life")
    request = get("/dir/index.html")
    assert answer(asked, credentials=credentials, cnonce="0a4f113b", request=request) == {
        "username": '"Mufasa"',
        "realm": '"testrealm@host.com"',
        "nonce": '"dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        "uri": '"/dir/index.html"',
        "qop": "auth",
        "nc": "00000001",
        "cnonce": '"0a4f113b"',
        "response": '"6629fae49393a05397450978507c4ef1"',
        "opaque": '"5ccc069c403ebaf9f0171e9517f40e41"',
    }


_RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
_RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    asked = challenge(_RFC_7616.format(algorithm))
    request = get("/dir/index.html")
    given = answer(asked, credentials=MUFASA, cnonce=_RFC_7616_CNONCE, request=request)
    assert given["response"] == f'"{response}"'
    assert given["algorithm"] == algorithm
    assert given["opaque"] == '"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'


def test_of_the_two_challenges_of_rfc_7616_section_3_9_1_the_stronger_is_answered() -> None:
    for order in (("MD5", "SHA-256"), ("SHA-256", "MD5")):
        asked = challenge(*(_RFC_7616.format(name) for name in order))
        assert answer(asked, credentials=MUFASA)["algorithm"] == "SHA-256"


def test_rfc_7616_section_3_9_2_as_its_erratum_has_it() -> None:
    # What the RFC prints was made with a truncated SHA-512 instead of SHA-512/256.
    asked = challenge(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
    )
    given = answer(
        asked,
        credentials=Credentials("Jäsøn Doe", "Secret, or not?"),
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        request=get("/doe.json"),
    )
    assert given["response"] == (
        '"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"'
    )


# --- which challenge ----------------------------------------------------------------------------

_SIMPLE = 'Digest realm="r", nonce="n", qop="auth"'


def test_a_server_that_names_no_algorithm_and_no_qop_is_one_of_rfc_2069() -> None:
    given = answer(challenge('Digest realm="r", nonce="n"'))
    assert given.keys() == {"username", "realm", "nonce", "uri", "response"}


@pytest.mark.parametrize("base", ["MD5", "SHA-256", "SHA-512-256"])
def test_a_session_algorithm_makes_another_response(base: str) -> None:
    plain = answer(challenge(f"{_SIMPLE}, algorithm={base}"))
    session = answer(challenge(f"{_SIMPLE}, algorithm={base}-sess"))
    assert session["algorithm"] == f"{base}-sess"
    assert session["response"] != plain["response"]
    assert len(session["response"]) == len(plain["response"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Digest ,,,",
        'Basic realm="r"',
        'Digest nonce="n"',
        'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=AKAv1-MD5',
        'Digest realm="r", nonce="n", qop="auth-conf"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        f'Digest realm="r", nonce="{"n" * 10_000}"',
        f'Digest realm="{"r" * 1025}", nonce="n"',
        'Digest realm="r", nonce="n',
        'realm="r", nonce="n"',
    ],
)
def test_a_challenge_that_cannot_be_answered_is_passed_over(value: str) -> None:
    assert read_challenges(challenge(value)) == []
    assert not DigestClient(LOCAL).exchange().answer(challenge(value))
    (left,) = read_challenges(challenge(value, 'Digest realm="other", nonce="n"'))
    assert left.space.realm == "other"


def test_several_challenges_may_stand_in_one_field() -> None:
    asked = challenge(
        'Basic realm="a, b", Digest realm="r", nonce="1", algorithm=MD5, '
        'DIGEST nonce=2,realm="r" , algorithm="sha-256",Digest realm=other, nonce=3'
    )
    found = [(one.space.realm, one.nonce, one.algorithm) for one in read_challenges(asked)]
    assert found == [("r", "2", "sha-256"), ("other", "3", None)]


def test_endless_challenges_are_bounded() -> None:
    asked = challenge(*(f'Digest realm="{number}", nonce="n"' for number in range(200)))
    assert len(read_challenges(asked)) == 4


def test_what_the_server_wrote_is_repeated_as_it_wrote_it() -> None:
    realm, nonce, opaque = r"say \"hi\"", r"a\\b", "<x, y>"
    asked = challenge(f'Digest realm="{realm}", nonce="{nonce}", opaque="{opaque}"')
    given = answer(asked, credentials=Credentials('a"b\\c', "x"))
    assert (given["realm"], given["nonce"]) == (f'"{realm}"', f'"{nonce}"')
    assert given["opaque"] == f'"{opaque}"'
    assert given["username"] == r'"a\"b\\c"'


def test_a_password_is_not_in_the_text_of_its_credentials() -> None:
    assert "secret" not in repr(LOCAL)


@pytest.mark.parametrize("user", ["", "a\r\nEvil: yes", "a\0"])
def test_a_user_name_that_fits_into_no_header_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="user name"):
        Credentials(user, "secret")


def test_a_realm_that_is_not_ours_gets_no_answer() -> None:
    client = DigestClient(Credentials("alice", "secret", realm="trunk"))
    assert not client.exchange().answer(challenge('Digest realm="elsewhere", nonce="n"'))
    assert client.exchange().answer(challenge('Digest realm="trunk", nonce="n"'))


# --- how often ----------------------------------------------------------------------------------


def test_a_nonce_is_counted_over_all_requests_of_a_call() -> None:
    client = DigestClient(LOCAL)
    first = client.exchange()
    assert first.answer(challenge(_SIMPLE))
    seen = []
    for exchange in (first, client.exchange(), client.exchange()):
        request = Request("BYE", "sip:bob@192.0.2.10", Headers())
        exchange.authorize(request)
        seen.append(parameters(request.headers["Authorization"]))
    assert [one["nc"] for one in seen] == ["00000001", "00000002", "00000003"]
    assert len({one["cnonce"] for one in seen}) == 1
    assert len({one["response"] for one in seen}) == 3


def refused(*rounds: str) -> list[bool]:
    """Whether we still answer, after each challenge to one request."""
    exchange = DigestClient(LOCAL).exchange()
    answers = []
    for value in rounds:
        exchange.authorize(Request("INVITE", "sip:bob@192.0.2.10", Headers()))
        answers.append(exchange.answer(challenge(value)))
    return answers


@pytest.mark.parametrize(
    ("rounds", "answers"),
    [
        ([_SIMPLE, _SIMPLE], [True, False]),
        ([_SIMPLE, _SIMPLE + ", stale=true"], [True, False]),
        ([_SIMPLE, 'Digest realm="r", nonce="2"'], [True, False]),
        ([_SIMPLE, 'Digest realm="r", nonce="2", stale=TRUE'], [True, True]),
        (
            [_SIMPLE, *(f'Digest realm="r", nonce="{n}", stale=true' for n in "23")],
            [True, True, False],
        ),
        (
            [f'Digest realm="{n}", nonce="n"' for n in range(7)],
            [True] * 5 + [False] * 2,
        ),
    ],
)
def test_an_answer_that_was_refused_is_not_given_for_ever(
    rounds: list[str], answers: list[bool]
) -> None:
    assert refused(*rounds) == answers


def test_a_nonce_that_has_worn_out_is_replaced_in_a_later_request() -> None:
    client = DigestClient(LOCAL)
    assert client.exchange().answer(challenge(_SIMPLE))
    later = client.exchange()
    later.authorize(Request("BYE", "sip:bob@192.0.2.10", Headers()))
    assert later.answer(challenge('Digest realm="r", nonce="new"'))


def test_both_kinds_of_servers_may_ask_at_once() -> None:
    asked = challenge('Digest realm="r", nonce="1"')
    asked.headers.add("Proxy-Authenticate", 'Digest realm="r", nonce="2"')
    exchange = DigestClient(LOCAL).exchange()
    assert exchange.answer(asked)
    request = Request("INVITE", "sip:bob@192.0.2.10", Headers())
    exchange.authorize(request)
    exchange.authorize(request)  # replaces what was there
    (one,) = request.headers.getlist("Authorization")
    (other,) = request.headers.getlist("Proxy-Authorization")
    assert (parameters(one)["nonce"], parameters(other)["nonce"]) == ('"1"', '"2"')


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60)))
def test_no_challenge_breaks_us_or_our_header(values: list[str]) -> None:
    asked = challenge(*(f"Digest realm=x, nonce=y, {value}" for value in values), *values)
    exchange = DigestClient(LOCAL).exchange()
    if exchange.answer(asked):
        request = Request("INVITE", "sip:bob@192.0.2.10", Headers())
        exchange.authorize(request)
        for value in request.headers.getlist("Authorization"):
            assert parameters(value).keys() >= {"username", "realm", "nonce", "uri", "response"}
        request.serialize()


def test_a_challenge_says_how_weak_it_is() -> None:
    names = ["SHA-512-256", "sha-256-SESS", "MD5"]
    found = [
        Challenge.parse(
            "WWW-Authenticate",
            "Digest",
            {"realm": "r", "nonce": "n", "qop": "auth", "algorithm": name},
        )
        for name in names
    ]
    assert [one.weakness for one in found] == [0, 1, 2]
