"""XEP-0198 on the server's side: requests for the client's count, and streams that are kept.

No IO and no clock. A kept stream outlives its transport: for a while it hibernates, what is sent to
it waits, and a client that knows its id may take it up again.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.lab.xmpp_stream import StreamError
from gateway.xmpp import namespaces as ns
from gateway.xmpp import stream_management
from gateway.xmpp.element import element, local_name


class StreamManagement:
    """Counts stanzas from `<enabled/>` on. `ack_timeout` is the patience for an `<a/>`, seconds."""

    def __init__(self, ack_timeout: float) -> None:
        self.enabled = False
        self._ack_timeout = ack_timeout
        self._counts = stream_management.StreamManagement()
        self._requested_at: float | None = None

    def enable(self, id_: str | None, hibernation: float) -> Element:
        """Begin to count; what to answer. With an id the stream can be resumed."""
        self.enabled = True
        if id_ is None:
            return element(ns.SM, "enabled")
        kept = {"id": id_, "resume": "true", "max": str(int(hibernation))}
        return element(ns.SM, "enabled", kept)

    def receive(self, part: Element) -> Element | None:
        """Take `<r/>` or `<a/>`; what to answer. StreamError for a count that cannot be."""
        match local_name(part):
            case "r":
                return self._counts.acknowledgement()
            case "a":
                try:
                    self._counts.acknowledged(part)
                except JingleError as error:
                    raise StreamError("undefined-condition", str(error)) from None
                self._requested_at = None
        return None

    def resume(self, resume: Element, now: float) -> list[Element] | None:
        """What to answer on another transport, `<resumed/>` first; None if it does not fit."""
        try:
            again = self._counts.resumed(resume)
        except JingleError:
            return None
        self._requested_at = now if again else None
        given = {"previd": resume.get("previd"), "h": str(self._counts.received)}
        return [element(ns.SM, "resumed", given), *again]

    def count_received(self) -> None:
        """A stanza has come."""
        self._counts.count_received()

    def count_sent(self, stanza: Element, now: float) -> Element | None:
        """A stanza goes out; the `<r/>` to send behind it, if none is on its way."""
        if not self.enabled:
            return None
        request = self._counts.sent(stanza)
        if request is not None:
            self._requested_at = now
        return request

    def is_overdue(self, now: float) -> bool:
        """Whether the client has failed to acknowledge."""
        return self._requested_at is not None and now - self._requested_at > self._ack_timeout


@dataclass(slots=True)
class KeptStream:
    """A stream that can be resumed. `until` is set while it hibernates, for `hibernation` seconds.

    `taken_over` tells whoever serves it that somebody else does from now on.
    """

    id: str
    jid: str
    management: StreamManagement
    hibernation: float
    taken_over: Callable[[], None]
    until: float | None = None

    def hold(self, stanza: Element, now: float) -> None:
        """Keep a stanza until there is a transport again."""
        self.management.count_sent(stanza, now)


class KeptStreams:
    """All of a server's. With `refuses` nobody may resume, as after the server's restart."""

    def __init__(self) -> None:
        self.refuses = False
        self._streams: dict[str, KeptStream] = {}

    def keep(
        self,
        jid: str,
        management: StreamManagement,
        hibernation: float,
        taken_over: Callable[[], None],
    ) -> KeptStream:
        """From now on a stream can be resumed."""
        kept = KeptStream(secrets.token_urlsafe(12), jid, management, hibernation, taken_over)
        self._streams[kept.id] = kept
        return kept

    def find(self, id_: str | None) -> KeptStream | None:
        """A stream by its id, whether it hibernates or is in use."""
        return None if self.refuses or id_ is None else self._streams.get(id_)

    def forget(self, kept: KeptStream) -> None:
        """A stream has ended."""
        self._streams.pop(kept.id, None)

    def hibernate(self, kept: KeptStream, now: float) -> None:
        """A stream has lost its transport."""
        kept.until = now + kept.hibernation

    def expire(self, now: float) -> list[KeptStream]:
        """Those that have hibernated for too long; they are forgotten."""
        over = [
            kept for kept in self._streams.values() if kept.until is not None and now >= kept.until
        ]
        for kept in over:
            self.forget(kept)
        return over
