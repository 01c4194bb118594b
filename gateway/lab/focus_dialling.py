"""How the focus has somebody called (Jicofo's JigasiIqHandler), without IO.

A moderator's `<dial>` goes to a gateway that waits in the brewery, what it answers comes back; if
it fails, others are tried.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab.focus_brewery import FocusBrewery
from gateway.lab.focus_conference import FocusConference
from gateway.lab.focus_port import NICK, FocusPort
from gateway.lab.refusal import refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, children, local_name
from gateway.xmpp.jid import bare, local, resource
from gateway.xmpp.rayo import ROOM_HEADER

ANSWERED_WITHIN = 15.0  # seconds a gateway has
MOST_TRIED = 3  # gateways, for one request


@dataclass(slots=True)
class _Request:
    """A moderator's request, and the gateways that were asked for it."""

    iq: Element
    dial: Element
    room: str
    tried: list[str] = field(default_factory=list)


class FocusDialling:
    """Serves all `conferences`, by room.

    `knocks` says whether an occupant JID waits in the lobby of a room.
    """

    def __init__(
        self, brewery: FocusBrewery, conferences: Mapping[str, FocusConference], port: FocusPort
    ) -> None:
        self.knocks: Callable[[str, str], bool] = lambda room, occupant: False
        self._brewery = brewery
        self._conferences = conferences
        self._port = port

    def receive(self, iq: Element, dial: Element, now: float) -> None:
        """Take a `<dial>` that came out of a room."""
        conference = self._conferences.get(bare(iq.get("from", "")))
        if conference is None:
            self._port.send(refuse(iq, "cancel", "item-not-found"))
            return
        named = next(
            (
                header.get("value", "")
                for header in children(dial, ns.RAYO, "header")
                if header.get("name") == ROOM_HEADER
            ),
            conference.room,
        )
        if not conference.is_moderator(iq.get("from", "")) or named != conference.room:
            self._port.send(refuse(iq, "auth", "forbidden"))
            return
        self._try(_Request(iq, dial, conference.room), None, now)

    def _try(self, request: _Request, failure: str | None, now: float) -> None:
        """Ask the next gateway, or tell that there is none; `failure` is how the last one did."""
        if failure is not None and len(request.tried) == MOST_TRIED:
            self._refuse(request, failure)
            return
        chosen = self._brewery.choose(self._port.config.region, request.tried)
        if chosen is None:
            self._refuse(request, "service-unavailable")
            return
        request.tried.append(chosen.address)
        self._port.step(NICK, f"has {resource(chosen.address)} dial for {local(request.room)}")

        def answered(answer: Element | None, now: float) -> None:
            self._answered(request, answer, now)

        self._port.ask(chosen.address, request.dial, now, answered, timeout=ANSWERED_WITHIN)

    def _answered(self, request: _Request, answer: Element | None, now: float) -> None:
        asked = resource(request.tried[-1])
        if answer is None:
            self._port.blame(41, asked, f"no answer to <dial> within {ANSWERED_WITHIN:g} s")
            self._try(request, "remote-server-timeout", now)
        elif answer.get("type") == "error":
            self._port.step(asked, f"does not dial: {_condition(answer)}")
            self._try(request, "undefined-condition", now)
        else:
            self._judge(request.room, asked, answer)
            self._port.send(result(request.iq, next(iter(answer), None)))

    def _judge(self, room: str, asked: str, answer: Element) -> None:
        """The reference must lead to somebody: browsers show, admit and hang up by it."""
        reference = child(answer, ns.RAYO, "ref")
        uri = reference.get("uri", "") if reference is not None else ""
        occupant = uri.removeprefix("xmpp:")
        conference = self._conferences.get(room)
        is_there = conference is not None and conference.has_member(occupant)
        if not is_there and not self.knocks(room, occupant):
            self._port.blame(41, asked, f"the reference {uri!r} leads to nobody in {room}")
        self._port.step(asked, f"dials: {uri}")

    def _refuse(self, request: _Request, condition: str) -> None:
        self._port.step(NICK, f"has nobody dial for {local(request.room)}: {condition}")
        type_ = "wait" if condition == "remote-server-timeout" else "cancel"
        self._port.send(refuse(request.iq, type_, condition))


def _condition(answer: Element) -> str:
    error = child(answer, ns.CLIENT, "error")
    conditions = (
        (part for part in error if ns.STANZA_ERRORS in part.tag) if error is not None else ()
    )
    return next((local_name(part) for part in conditions), "error")
