"""XMPP over BOSH (XEP-0124, XEP-0206): one stream in HTTP requests and their responses.

There is always a request that the server holds until it has something to say, and a second one
for what we have to say meanwhile. Each has a number, its rid, one more than the last: the server
acts on requests, and we read responses, in the order of these numbers, however HTTP delivers them.
A request whose HTTP connection broke is made again as it was. No IO and no clock.
"""

from dataclasses import dataclass
from enum import Enum, auto
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring
from xml.sax.saxutils import quoteattr

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import attribute, integer
from gateway.xmpp.websocket_framing import is_close, is_open, to_frame

HTTP_BIND = "http://jabber.org/protocol/httpbind"
XBOSH = "urn:xmpp:xbosh"
WAIT = 30  # seconds the server may hold a request at most

_MAX_RID = (1 << 53) - 1  # XEP-0124 section 14.1
_REQUESTS = 2
_PAUSES = (0.0, 1.0, 2.0, 5.0)  # seconds before a request is made again; the last for all further
_FOOTER = "</stream:stream>"


class NoBosh(JingleError):
    """What answers is something else: a web page, say."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be posted."""

    rid: int
    body: str


class _Mark(Enum):
    RESTART = auto()
    END = auto()


@dataclass(slots=True)
class _Made:
    """A request that we know no response of yet, or one that is not to be read yet."""

    request: Request
    due: float | None  # when to make it; None while it is under way
    attempts: int = 0
    broken_since: float | None = None
    response: Element | None = None

    @property
    def is_broken(self) -> bool:
        """Whether it waits to be made again."""
        return self.due is not None and self.attempts > 0


class BoshSession:
    """The stream to `domain`; `rid` is the first request's number, a large random one.

    `requests` are to be made, and `receive` or `broken` is called for each. The other side speaks
    TCP's framing: `write` takes its pieces and `receive` returns such. `is_over` once the server
    has ended the session, or has confirmed that we have.
    """

    def __init__(self, domain: str, rid: int) -> None:
        assert 0 < rid < _MAX_RID >> 1
        self.is_over = False
        self._domain = domain
        self._next_rid = rid
        self._read_up_to = rid - 1
        self._made: dict[int, _Made] = {}
        self._outgoing: list[str | _Mark] = []
        self._sid = ""
        self._header = _header(domain, "")
        self._header_is_due = True
        self._awaits_restart = False
        self._is_opened = False  # by the other side
        self._has_ended = False  # by us
        self._acknowledges = False
        self._inactivity = 60.0
        self._make(
            {
                "to": domain,
                "ver": "1.6",
                "wait": str(WAIT),
                "hold": "1",
                "xml:lang": "en",
                "xmpp:version": "1.0",
            },
            "",
        )

    def write(self, piece: str) -> None:
        """A header, a footer or a stanza; a second header restarts the stream (XEP-0206 5)."""
        frame = to_frame(piece)
        if frame is None:
            return
        if not is_open(frame):
            self._outgoing.append(_Mark.END if is_close(frame) else frame)
        elif self._is_opened:
            self._outgoing.append(_Mark.RESTART)
            self._header_is_due, self._awaits_restart = True, False
        else:
            self._is_opened = True

    def requests(self, now: float) -> list[Request]:
        """Those to be made now."""
        if self.is_over:
            return []
        # Prosody knows nothing of a request that broke while it held it, once it has seen the next.
        is_whole = not any(made.is_broken for made in self._made.values())
        while is_whole and self._sid and not self._has_ended and len(self._made) < _REQUESTS:
            if self._outgoing:
                self._make_next()
            elif not self._made and not self._awaits_restart:
                self._make({}, "")  # for the server to hold
            else:
                break
        due = [made for made in self._made.values() if made.due is not None and made.due <= now]
        for made in due:
            made.due = None
        return [made.request for made in due]

    def wait(self, now: float) -> float | None:
        """Seconds until `requests` has one to be made again, None if it has not."""
        due = [made.due for made in self._made.values() if made.due is not None]
        return max(min(due) - now, 0.0) if due else None

    def receive(self, rid: int, text: str, now: float) -> list[str]:
        """The response to a request; what can be read by now, as pieces of a stream.

        JingleError: it is none, or it ends the session for a reason of BOSH's.
        """
        made = self._made.get(rid)
        if made is None or made.response is not None or self.is_over:
            return []
        made.response = _body(text)
        pieces: list[str] = []
        while self._made and not self.is_over:
            rid, made = min(self._made.items())
            if made.response is None:
                break
            if made.response.get("type") == "error":  # recoverable: XEP-0124 section 17.3
                made.response = None
                self.broken(rid, now)
                break
            del self._made[rid]
            self._read_up_to = rid
            pieces += self._read(made.response)
        return pieces

    def broken(self, rid: int, now: float) -> None:
        """HTTP has brought no response. JingleError: for longer than the session lives."""
        made = self._made[rid]
        made.broken_since = made.broken_since if made.broken_since is not None else now
        if now - made.broken_since >= self._inactivity:
            raise JingleError(f"no response for {self._inactivity:g} s")
        made.due = now + _PAUSES[min(made.attempts, len(_PAUSES) - 1)]
        made.attempts += 1

    # Requests

    def _make_next(self) -> None:
        stanzas = []
        while self._outgoing and isinstance(self._outgoing[0], str):
            stanzas.append(self._outgoing.pop(0))
        following = self._outgoing[0] if self._outgoing else None
        attributes = {}
        if following is _Mark.END:
            attributes["type"] = "terminate"
            self._has_ended = True
        elif following is _Mark.RESTART and not stanzas:
            self._outgoing.pop(0)
            attributes = {"to": self._domain, "xml:lang": "en", "xmpp:restart": "true"}
        self._make(attributes, "".join(str(stanza) for stanza in stanzas))

    def _make(self, attributes: dict[str, str], payload: str) -> None:
        rid, self._next_rid = self._next_rid, self._next_rid + 1
        all_ = {"rid": str(rid), **({"sid": self._sid} if self._sid else {}), **attributes}
        if self._acknowledges and self._read_up_to != rid - 1:
            all_["ack"] = str(self._read_up_to)  # section 9.1
        stated = "".join(f" {name}={quoteattr(value)}" for name, value in all_.items())
        body = f"<body xmlns='{HTTP_BIND}' xmlns:xmpp='{XBOSH}'{stated}>{payload}</body>"
        self._made[rid] = _Made(Request(rid, body), due=float("-inf"))

    # Responses

    def _read(self, body: Element) -> list[str]:
        if not self._sid and body.get("type") != "terminate":
            self._begin(body)
        pieces = [_piece(stanza) for stanza in body]
        # Another request than the restart's would have the new stream begin before we know of it.
        self._awaits_restart |= body.find(f"{{{ns.SASL}}}success") is not None
        if body.get("type") == "terminate":
            self.is_over = True
            condition = body.get("condition")
            if condition not in (None, "remote-stream-error"):
                raise JingleError(f"the server has ended the session: {condition}")
            pieces.append(_FOOTER)
        if self._header_is_due and pieces:
            pieces.insert(0, self._header)
            self._header_is_due = False
        return pieces

    def _begin(self, body: Element) -> None:
        """The response that makes the session (XEP-0124 section 7.2)."""
        self._sid = attribute(body, "sid")
        if integer(body, "hold", 0, 100, 1) < 1 or integer(body, "requests", 0, 100, 2) < _REQUESTS:
            raise JingleError("the server holds no requests; polling is not spoken here")
        self._inactivity = float(integer(body, "inactivity", 0, 86_400, 60)) or 60.0
        self._acknowledges = body.get("ack") is not None
        self._header = _header(body.get("from", self._domain), body.get("authid", self._sid))


def _header(from_: str, id_: str) -> str:
    return (
        f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' version='1.0'"
        f" from={quoteattr(from_)} id={quoteattr(id_)}>"
    )


def _piece(stanza: Element) -> str:
    try:
        return tostring(stanza, encoding="unicode")
    except RecursionError:  # anybody in the room can send that, and it means nothing
        return ""


def _body(text: str) -> Element:
    try:
        body = fromstring(text)
    except ParseError as error:
        raise NoBosh(f"a response that is no document: {error}") from None
    if body.tag != f"{{{HTTP_BIND}}}body":
        raise NoBosh(f"a response that is <{body.tag}>, not BOSH's <body>")
    return body
