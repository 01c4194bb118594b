"""Rules 1, 2 and 17: one client's stream on the lab's server, without a socket."""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable
from xml.etree.ElementTree import Element

import pytest

from gateway.lab.stream_management import KeptStreams
from gateway.lab.violation import Violation
from gateway.lab.xmpp_login import LoginRules, Visit
from gateway.lab.xmpp_session import BIND, XmppSession
from gateway.lab.xmpp_stream import StreamClosed, StreamParser
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element, local_name

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
SM = "xmlns='urn:xmpp:sm:3'"


class Peer:
    """The client's end: writes text, reads what the session sends."""

    def __init__(
        self,
        *,
        tls: bool = False,
        domain: str = "lab.test",
        streams: KeptStreams | None = None,
        visit: Visit | None = None,
        **rules,
    ) -> None:
        self.violations: list[Violation] = []
        login = LoginRules(
            "lab.test", "auth.lab.test", accounts={"gateway": "secret"}, tls=tls, **rules
        )
        self.session = XmppSession(login, self.blame, streams or KeptStreams(), visit)
        self.domain = domain
        self.now = 50.0
        self.routed: list[Element] = []
        self.parser = StreamParser()

    def blame(self, *parts) -> None:
        self.violations.append(Violation(*parts))

    @property
    def rules(self) -> set[int]:
        return {violation.rule for violation in self.violations}

    def write(self, text: str) -> list[Element]:
        """What the session answers."""
        self.routed += self.session.receive(text.encode(), self.now)
        return self.read()

    def read(self) -> list[Element]:
        data = "".join(self.session.take_outgoing()).encode()
        parsed = self.parser.receive(data) if data else []
        return [part for part in parsed if isinstance(part, Element)]

    def open(self) -> Element:
        """Open a stream; its features."""
        self.parser = StreamParser()
        *_, features = self.write(
            f"<?xml version='1.0'?><stream:stream to='{self.domain}' version='1.0'"
            " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        return features

    def log_in(self) -> None:
        self.open()
        (answer,) = self.write(f"<auth {SASL} mechanism='ANONYMOUS'/>")
        assert local_name(answer) == "success"

    def bind(self) -> str:
        self.log_in()
        self.open()
        (answer,) = self.write(
            f"<iq type='set' id='b'><bind xmlns='{BIND}'><resource>mine</resource></bind></iq>"
        )
        return child(answer[0], BIND, "jid").text


def names(parts) -> list[str]:
    return [local_name(part) for part in parts]


def condition(part: Element) -> str:
    return local_name(part[0])


# Login (1).


def test_an_anonymous_user_gets_a_random_name_and_a_resource_of_the_servers() -> None:
    jids = {Peer().bind() for _ in range(3)}
    assert len(jids) == 3
    for jid in jids:
        user, domain, resource = re.split("[@/]", jid, maxsplit=2)
        assert str(uuid.UUID(user)) == user
        assert domain == "lab.test"
        assert resource != "mine"


def test_on_a_secure_domain_guests_have_a_domain_of_their_own() -> None:
    guests = {"guest_domain": "guest.lab.test"}
    offered = [part.text for part in Peer(**guests).open()[0]]
    assert "ANONYMOUS" not in offered
    assert "@guest.lab.test/" in Peer(domain="guest.lab.test", **guests).bind()


def test_only_anonymous_logins_are_offered_on_the_main_domain() -> None:
    mechanisms = Peer().open()[0]
    assert [mechanism.text for mechanism in mechanisms] == ["ANONYMOUS"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "EXTERNAL"])
def test_another_mechanism_is_refused_on_the_main_domain(mechanism: str) -> None:
    peer = Peer()
    peer.open()
    (failure,) = peer.write(f"<auth {SASL} mechanism='{mechanism}'>AGdhdGV3YXkAc2VjcmV0</auth>")
    assert (local_name(failure), condition(failure)) == ("failure", "invalid-mechanism")
    assert peer.rules == {1}


def test_the_auth_domain_has_no_anonymous_users() -> None:
    peer = Peer(domain="auth.lab.test")
    assert [mechanism.text for mechanism in peer.open()[0]] == ["SCRAM-SHA-1"]
    (failure,) = peer.write(f"<auth {SASL} mechanism='ANONYMOUS'/>")
    assert condition(failure) == "invalid-mechanism"


def test_where_tls_is_demanded_nothing_else_is_offered_before() -> None:
    peer = Peer(tls=True)
    features = peer.open()
    assert names(features) == ["starttls"]
    assert names(features[0]) == ["required"]
    (failure,) = peer.write(f"<auth {SASL} mechanism='ANONYMOUS'/>")
    assert condition(failure) == "encryption-required"
    assert peer.rules == {1}


def test_inside_tls_the_login_is_offered() -> None:
    peer = Peer(tls=True)
    peer.open()
    (proceed,) = peer.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert local_name(proceed) == "proceed"
    assert peer.session.wants_tls
    peer.session.encrypted()
    assert names(peer.open()) == ["mechanisms"]


def scram(
    peer: Peer, password: str, *, as_proof: Callable[[str], str] = lambda proof: proof
) -> Element:
    """The client's half of SCRAM-SHA-1 (RFC 5802)."""

    def code(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    bare = "n=gateway,r=abc"
    first = code(f"n,,{bare}")
    (challenge,) = peer.write(f"<auth {SASL} mechanism='SCRAM-SHA-1'>{first}</auth>")
    server_first = base64.b64decode(challenge.text).decode()
    nonce, salt, iterations = (part[2:] for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), base64.b64decode(salt), int(iterations))
    key = hmac.new(salted, b"Client Key", "sha1").digest()
    without_proof = f"c=biws,r={nonce}"
    text = f"{bare},{server_first},{without_proof}".encode()
    signature = hmac.new(hashlib.sha1(key).digest(), text, "sha1").digest()
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    told = f"{without_proof},p={as_proof(proof)}"
    (answer,) = peer.write(f"<response {SASL}>{code(told)}</response>")
    return answer


def test_an_account_proves_its_password() -> None:
    peer = Peer(domain="auth.lab.test")
    peer.open()
    assert local_name(scram(peer, "secret")) == "success"


def test_a_wrong_password_is_refused() -> None:
    peer = Peer(domain="auth.lab.test")
    peer.open()
    answer = scram(peer, "wrong")
    assert (local_name(answer), condition(answer)) == ("failure", "not-authorized")


def test_a_proof_that_is_no_base64_is_refused() -> None:
    peer = Peer(domain="auth.lab.test")
    peer.open()
    answer = scram(peer, "secret", as_proof=lambda proof: "ü" + proof)
    assert (local_name(answer), condition(answer)) == ("failure", "not-authorized")


@pytest.mark.parametrize("response", ["ü", "%", "/w=="])
def test_a_response_that_cannot_be_read_is_refused(response: str) -> None:
    peer = Peer()
    peer.open()
    (answer,) = peer.write(f"<auth {SASL} mechanism='ANONYMOUS'>{response}</auth>")
    assert (local_name(answer), condition(answer)) == ("failure", "incorrect-encoding")


def test_too_many_attempts_end_the_stream() -> None:
    peer = Peer()
    peer.open()
    for _ in range(3):
        answers = peer.write(f"<auth {SASL} mechanism='PLAIN'/>")
    assert condition(answers[-1]) == "policy-violation"
    assert peer.session.closed


def test_an_unknown_domain_is_refused() -> None:
    peer = Peer(domain="elsewhere.test")
    error = peer.open()
    assert condition(error) == "host-unknown"
    assert peer.session.closed


def test_nothing_is_routed_before_the_login_and_before_binding() -> None:
    peer = Peer()
    peer.open()
    (error,) = peer.write("<message to='x@lab.test'/>")
    assert condition(error) == "not-authorized"
    peer = Peer()
    peer.log_in()
    peer.open()
    (error,) = peer.write("<message to='x@lab.test'/>")
    assert condition(error) == "not-authorized"
    assert peer.routed == []


def test_a_resource_is_bound_once() -> None:
    peer = Peer()
    jid = peer.bind()
    (answer,) = peer.write(f"<iq type='set' id='c'><bind xmlns='{BIND}'/></iq>")
    assert answer.get("type") == "error"
    assert peer.session.jid == jid


def test_the_sender_of_a_stanza_is_who_has_logged_in() -> None:
    peer = Peer()
    jid = peer.bind()
    peer.write("<message to='x@lab.test' from='somebody@else'/>")
    (message,) = peer.routed
    assert message.get("from") == jid


def test_the_end_of_the_stream_is_answered() -> None:
    peer = Peer()
    peer.bind()
    peer.session.receive(b"</stream:stream>", peer.now)
    assert peer.parser.receive("".join(peer.session.take_outgoing()).encode()) == [StreamClosed()]
    assert peer.session.closed


# Stream management (2).


def enabled(**rules) -> Peer:
    peer = Peer(**rules)
    peer.bind()
    (answer,) = peer.write(f"<enable {SM}/>")
    assert local_name(answer) == "enabled"
    return peer


def test_stream_management_is_offered_after_the_login() -> None:
    peer = Peer()
    peer.log_in()
    assert names(peer.open()) == ["bind", "session", "sm"]


def test_it_can_only_be_enabled_when_bound() -> None:
    peer = Peer()
    peer.log_in()
    peer.open()
    (answer,) = peer.write(f"<enable {SM}/>")
    assert (local_name(answer), condition(answer)) == ("failed", "unexpected-request")


def test_a_stream_that_nobody_knows_is_not_resumed() -> None:
    peer = Peer()
    peer.log_in()
    peer.open()
    (answer,) = peer.write(f"<resume {SM} previd='x' h='0'/>")
    assert (local_name(answer), condition(answer)) == ("failed", "item-not-found")


def test_the_server_counts_what_it_gets() -> None:
    peer = enabled()
    peer.write("<presence/><message/><iq type='get' id='1'/>")
    (answer,) = peer.write(f"<r {SM}/>")
    assert (local_name(answer), answer.get("h")) == ("a", "3")


def test_each_stanza_is_followed_by_a_request_unless_one_is_under_way() -> None:
    peer = enabled()
    stanza = element(ns.CLIENT, "message")
    peer.session.send(stanza, peer.now)
    peer.session.send(stanza, peer.now)
    assert names(peer.read()) == ["message", "r", "message"]
    peer.write(f"<a {SM} h='2'/>")
    peer.session.send(stanza, peer.now)
    assert names(peer.read()) == ["message", "r"]


def test_a_client_that_never_acknowledges_is_thrown_out() -> None:
    peer = enabled(ack_timeout=10.0)
    peer.session.send(element(ns.CLIENT, "message"), peer.now)
    peer.session.handle_timer(peer.now + 9.0)
    assert not peer.session.closed
    peer.session.handle_timer(peer.now + 11.0)
    assert peer.session.closed
    assert condition(peer.read()[-1]) == "connection-timeout"
    assert peer.rules == {2}


def test_a_client_that_acknowledges_stays() -> None:
    peer = enabled(ack_timeout=10.0)
    peer.session.send(element(ns.CLIENT, "message"), peer.now)
    peer.write(f"<a {SM} h='1'/>")
    peer.session.handle_timer(peer.now + 100.0)
    assert not peer.session.closed
    assert peer.rules == set()


@pytest.mark.parametrize("count", ["7", "-1", "many"])
def test_what_was_never_sent_cannot_be_acknowledged(count: str) -> None:
    peer = enabled()
    peer.write(f"<a {SM} h='{count}'/>")
    assert peer.session.closed


# Rates (17).


def test_a_client_that_floods_is_noted() -> None:
    peer = Peer()
    peer.bind()
    peer.write("<presence/>" * 4)
    assert peer.rules == set()
    peer.write("<presence/>")
    assert peer.rules == {17}


def test_answers_are_not_counted() -> None:
    peer = Peer()
    peer.bind()
    peer.write("<iq type='result' id='1'/><iq type='error' id='2'/>" * 20)
    assert peer.rules == set()
    peer.write("<iq type='get' id='1'/>" * 11)
    assert peer.rules == {17}


def test_a_client_may_go_on_for_long_at_a_moderate_pace() -> None:
    peer = Peer()
    peer.bind()
    for _ in range(40):
        peer.now += 0.26
        peer.write("<presence/>")
    assert peer.rules == set()


def test_what_is_no_stanza_ends_the_stream() -> None:
    peer = Peer()
    peer.bind()
    (error,) = peer.write("<thing xmlns='urn:lab:thing'/>")
    assert condition(error) == "unsupported-stanza-type"
