"""One client's stream on the server: header, STARTTLS, SASL, binding, then stanzas (RFC 6120).

No IO and no clock: octets and `now` come in; stanzas to route come out, and `take_outgoing` is what
has to be sent. When `wants_tls`, the owner sends that, encrypts the connection, calls `encrypted`.
"""

import secrets
from enum import Enum, auto
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_answer, refuse, result
from gateway.lab.stanza_rate import StanzaRate
from gateway.lab.stream_management import KeptStream, KeptStreams, StreamManagement
from gateway.lab.token_rules import ANY
from gateway.lab.violation import Blame
from gateway.lab.xmpp_login import Login, LoginRefused, LoginRules, Visit
from gateway.lab.xmpp_stream import (
    StreamClosed,
    StreamError,
    StreamOpened,
    StreamParser,
    serialize,
    stream_header,
)
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element, local_name
from gateway.xmpp.jid import bare

BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
_STANZAS = frozenset(f"{{{ns.CLIENT}}}{name}" for name in ("iq", "message", "presence"))
_MAX_ATTEMPTS = 3


class _State(Enum):
    """What has been achieved."""

    CONNECTED = auto()
    AUTHENTICATED = auto()
    BOUND = auto()
    CLOSED = auto()


class XmppSession:
    """`jid` is empty until the client has bound a resource, or resumed a stream of `streams`.

    `kept` is set while the stream may be resumed, `is_taken_over` once another session has done so.
    `token_room` is the one room that the client may join, or `*`, and `moderates` whether its token
    makes it an owner there; `asked_room` is the one that its URL names. Rules 1, 2 and 17 are
    watched.
    """

    def __init__(
        self, rules: LoginRules, blame: Blame, streams: KeptStreams, visit: Visit | None = None
    ) -> None:
        self.jid = ""
        self.wants_tls = False
        self.kept: KeptStream | None = None
        self.is_taken_over = False
        self.token_room = ANY
        self.moderates = False
        self.asked_room = visit.room if visit is not None else None
        self._rules = rules
        self._blame = blame
        self._streams = streams
        self._visit = visit or Visit()
        self._parser = StreamParser()
        self._state = _State.CONNECTED
        self._encrypted = False
        self._header_sent = False
        self._domain = rules.domain
        self._login: Login | None = None
        self._failures = 0
        self._username = ""
        self._management = StreamManagement(rules.ack_timeout)
        self._rate = StanzaRate()
        self._outgoing: list[str] = []

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to read; what is left to send still has to be sent."""
        return self._state is _State.CLOSED

    def receive(self, data: bytes, now: float) -> list[Element]:
        """Take what came; the stanzas to route, with their true sender."""
        stanzas: list[Element] = []
        try:
            for part in self._parser.receive(data):
                if self.closed:
                    break
                self._take(part, stanzas, now)
        except StreamError as error:
            self.fail(error.condition, error.text)
        return stanzas

    def encrypted(self) -> None:
        """TLS is up: the client opens a new stream in it."""
        self.wants_tls = False
        self._encrypted = True
        self._restart()

    def send(self, stanza: Element, now: float) -> None:
        """Send a stanza to the client."""
        if self.closed:
            return
        self._write(stanza)
        request = self._management.count_sent(stanza, now)
        if request is not None:
            self._write(request)

    def send_whitespace(self) -> None:
        """Keep the connection alive (RFC 6120 section 4.6.1)."""
        if not self.closed:
            self._outgoing.append(" ")

    def handle_timer(self, now: float) -> None:
        """A client that never acknowledges is thrown out (XEP-0198)."""
        if not self.closed and self._management.is_overdue(now):
            self._blame(2, self.jid, "never acknowledges stanzas (XEP-0198)")
            self.fail("connection-timeout", "no <a/>")

    def fail(self, condition: str, text: str = "") -> None:
        """End the stream with an error (section 4.9)."""
        if self.closed:
            return
        if not self._header_sent:
            self._open()
        error = element(ns.STREAM, "error", None, element(ns.STREAM_ERRORS, condition))
        if text:
            error.append(element(ns.STREAM_ERRORS, "text", text=text))
        self._write(error)
        self.end()

    def end(self) -> None:
        """End the stream."""
        if self._header_sent and not self.closed:
            self._outgoing.append("</stream:stream>")
        self._state = _State.CLOSED
        if self.kept is not None:  # what has ended in due form is not resumed
            self._streams.forget(self.kept)
            self.kept = None

    def take_outgoing(self) -> list[str]:
        """What has to be sent now: headers, stanzas, white space, footers."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def _take(
        self, part: StreamOpened | Element | StreamClosed, stanzas: list[Element], now: float
    ) -> None:
        match part:
            case StreamOpened(to=to):
                self._opened(to)
            case StreamClosed():
                self.end()
            case _ if self._state is _State.CONNECTED:
                self._negotiate(part)
            case _ if part.tag.startswith(f"{{{ns.SM}}}"):
                self._manage(part, now)
            case _ if part.tag not in _STANZAS:
                raise StreamError("unsupported-stanza-type", part.tag)
            case _:
                self._stanza(part, stanzas, now)

    def _opened(self, to: str) -> None:
        self._domain = to
        self._open()
        if to not in self._rules.domains:
            raise StreamError("host-unknown", to)
        self._write(self._features())

    def _open(self) -> None:
        self._outgoing.append(stream_header(self._domain, secrets.token_hex(8)))
        self._header_sent = True

    def _features(self) -> Element:
        features = element(ns.STREAM, "features")
        if self._state is not _State.CONNECTED:
            features.append(element(BIND, "bind", None, element(BIND, "required")))
            features.append(element(SESSION, "session", None, element(SESSION, "optional")))
            features.append(element(ns.SM, "sm", None, element(ns.SM, "optional")))
        elif self._rules.tls and not self._encrypted:
            features.append(element(ns.TLS, "starttls", None, element(ns.TLS, "required")))
        else:
            offered = self._rules.mechanisms(self._domain, encrypted=self._encrypted)
            names = (element(ns.SASL, "mechanism", text=name) for name in offered)
            features.append(element(ns.SASL, "mechanisms", None, *names))
        return features

    def _negotiate(self, part: Element) -> None:
        if part.tag == f"{{{ns.TLS}}}starttls":
            if not self._rules.tls or self._encrypted:
                self._write(element(ns.TLS, "failure"))
                self.end()
                return
            self._write(element(ns.TLS, "proceed"))
            self.wants_tls = True
        elif part.tag == f"{{{ns.SASL}}}auth":
            self._authenticate(part)
        elif part.tag == f"{{{ns.SASL}}}response" and self._login is not None:
            self._log_in(self._login, part)
        elif part.tag == f"{{{ns.SASL}}}abort":
            self._refuse_login("aborted")
        else:
            raise StreamError("not-authorized", f"<{local_name(part)}> before the login")

    def _authenticate(self, auth: Element) -> None:
        mechanism = auth.get("mechanism", "")
        if self._rules.tls and not self._encrypted:
            self._blame(1, "a client", "logs in without the TLS that is required")
            self._refuse_login("encryption-required")
        elif mechanism not in self._rules.mechanisms(self._domain, encrypted=self._encrypted):
            self._blame(1, "a client", f"mechanism {mechanism!r} was not offered")
            self._refuse_login("invalid-mechanism")
        else:
            # As mod_auth_jitsi-anonymous: who comes back is known by the id of its stream.
            known = self._streams.find(self._visit.previd)
            known_as = bare(known.jid).partition("@")[0] if known is not None else None
            self._login = Login(self._rules, mechanism, self._visit, known_as)
            self._log_in(self._login, auth)

    def _log_in(self, login: Login, part: Element) -> None:
        try:
            answer = login.receive((part.text or "").strip())
        except LoginRefused as refused:
            self._refuse_login(refused.condition, refused.text)
            return
        if not login.done:
            self._write(element(ns.SASL, "challenge", text=answer))
            return
        self._username = login.username
        self.token_room, self.moderates = login.room, login.moderates
        self._state = _State.AUTHENTICATED
        self._write(element(ns.SASL, "success", text=answer))
        self._restart()

    def _refuse_login(self, condition: str, text: str = "") -> None:
        self._login = None
        failure = element(ns.SASL, "failure", None, element(ns.SASL, condition))
        if text:
            failure.append(element(ns.SASL, "text", text=text))
        self._write(failure)
        self._failures += 1
        if self._failures >= _MAX_ATTEMPTS:
            raise StreamError("policy-violation", "too many attempts to log in")

    def _restart(self) -> None:
        self._parser = StreamParser()

    def _stanza(self, stanza: Element, stanzas: list[Element], now: float) -> None:
        self._watch_rate(stanza, now)
        if self._management.enabled:
            self._management.count_received()
        bind = child(stanza, BIND, "bind")
        if bind is not None and stanza.get("type") == "set":
            self._bind(stanza, now)
        elif self._state is not _State.BOUND:
            raise StreamError("not-authorized", "a stanza before binding")
        elif child(stanza, SESSION, "session") is not None:
            self.send(result(stanza), now)
        else:
            stanza.set("from", self.jid)
            stanzas.append(stanza)

    def _watch_rate(self, stanza: Element, now: float) -> None:
        """Answers are not counted: how many there are is not the client's doing."""
        if is_answer(stanza):
            return
        excess = self._rate.count(local_name(stanza), now)
        if excess is not None:
            self._blame(17, self.jid, excess)

    def _bind(self, request: Element, now: float) -> None:
        """The resource is the server's choice, whatever the client asks for."""
        if self._state is _State.BOUND:
            self.send(refuse(request, "cancel", "not-allowed"), now)
            return
        self.jid = f"{self._username}@{self._domain}/{secrets.token_urlsafe(9)}"
        self._state = _State.BOUND
        bound = element(BIND, "bind", None, element(BIND, "jid", text=self.jid))
        self.send(result(request, bound), now)

    def _manage(self, part: Element, now: float) -> None:
        name = local_name(part)
        is_bound = self._state is _State.BOUND
        if name == "enable" and is_bound and not self._management.enabled:
            self._enable(resumable=part.get("resume") in ("true", "1"))
        elif name == "resume" and not is_bound:
            self._resume(part, now)
        elif name in ("enable", "resume"):
            self._refuse_management("unexpected-request")
        elif name in ("r", "a") and self._management.enabled:
            answer = self._management.receive(part)
            if answer is not None:
                self._write(answer)
        else:
            raise StreamError("unsupported-stanza-type", name)

    def _enable(self, *, resumable: bool) -> None:
        hibernation = self._rules.hibernation_at(self._domain)
        if resumable:
            management, streams = self._management, self._streams
            self.kept = streams.keep(self.jid, management, hibernation, self._give_up)
        id_ = self.kept.id if self.kept is not None else None
        self._write(self._management.enable(id_, hibernation))

    def _resume(self, request: Element, now: float) -> None:
        """Go on where another session was (XEP-0198 section 5), if it was the same user's."""
        kept = self._streams.find(request.get("previd"))
        if kept is None or bare(kept.jid) != f"{self._username}@{self._domain}":
            self._refuse_management("item-not-found")
            return
        answer = kept.management.resume(request, now)
        if answer is None:
            self._refuse_management("item-not-found")
            return
        kept.taken_over()
        kept.taken_over, kept.until = self._give_up, None
        self.kept, self.jid, self._management = kept, kept.jid, kept.management
        self._state = _State.BOUND
        for part in answer:
            self._write(part)

    def _give_up(self) -> None:
        """Another session serves the client from now on; this one may be over already."""
        self.is_taken_over = True
        self.kept = None
        self.fail("conflict", "resumed elsewhere")

    def _refuse_management(self, condition: str) -> None:
        self._write(element(ns.SM, "failed", None, element(ns.STANZA_ERRORS, condition)))

    def _write(self, part: Element) -> None:
        self._outgoing.append(serialize(part))
