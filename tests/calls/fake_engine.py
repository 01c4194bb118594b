"""A media engine for whole calls in virtual time: it does as it is told, and remembers it.

A bridge connection comes up shortly after it was asked for, unless a test wants it otherwise. The
connection that carries audio goes on until the next is up, where it may linger.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.calls.media_session import MediaSwitch
from gateway.media import messages as m

CONNECTS_AFTER = 0.05  # seconds
ANSWER = m.BridgeAnswer(
    "ourufrag", "ourpwd", m.Fingerprint("SHA-256", "11:22"), "active", candidates=()
)


@dataclass
class CallMedia:
    """What the engine has for one call. `tones` has None for each silence."""

    has_begun: bool = False
    is_phone_open: bool = False
    is_closed: bool = False
    is_muted: bool = False
    is_secluded: bool = False
    tones: list[m.Tone | None] = field(default_factory=list)
    said: list[tuple[m.SpeechPart, ...]] = field(default_factory=list)
    says: m.Spoken = m.Spoken(b"")  # noqa: RUF009 -- frozen
    phone: m.PhoneMedia | None = None
    room_hint: str | None = None
    ssrcs: list[int] = field(default_factory=list)
    bridges: list[str] = field(default_factory=list)  # sessions, the newest last
    carrier: str | None = None  # the session with the audio
    hears_noise: bool = False  # if the conference were decoded: all of it is encrypted

    @property
    def repeating(self) -> m.Tone | None:
        """The tone that is heard instead of the conference."""
        for tone in reversed(self.tones):
            if tone is None or tone.repeats:
                return tone
        return None


class FakeEngine:
    """`connects` says whether a session of a call comes up, `opens` whether it can be opened;
    `hears` whether a call is answered when it asks for a port."""

    def __init__(self) -> None:
        self.switch = MediaSwitch(self._execute)
        self.calls: dict[str, CallMedia] = {}
        self.connects: Callable[[str], bool] = lambda call: True
        self.opens: Callable[[str], bool] = lambda call: True
        self.hears: Callable[[str], bool] = lambda call: True
        self.most_bridges = 0

    def media_of(self, call: str) -> CallMedia:
        """What there is, or will be, of a call."""
        return self.calls.setdefault(call, CallMedia())

    def lose_bridge(self, call: str) -> None:
        """The connection that carries audio breaks."""
        session = self.calls[call].carrier
        if session is not None:
            self._drop(call, session)
            self._report(m.BridgeLost(call, session, "consent expired"))

    def presses(self, call: str, key: str) -> None:
        """The caller presses a key."""
        self._report(m.DigitReceived(call, key, 0.1))

    def silent(self, call: str) -> None:
        """Nothing has come from the phone for long."""
        self._report(m.PhoneSilent(call, 60.0))

    def measures(self, call: str, report: m.CallReport) -> None:
        """So far it has been like this."""
        self._report(m.Measured(call, report))

    def dies(self, call: str) -> None:
        """What carries a call is gone."""
        self._report(m.EngineLost(call, "killed"))

    def forget(self) -> None:
        """Calls that are over are remembered no longer."""
        self.calls = {call: media for call, media in self.calls.items() if not media.is_closed}

    @property
    def left_over(self) -> list[str]:
        """The calls of which the engine still has something."""
        return [
            call for call, media in self.calls.items() if media.has_begun and not media.is_closed
        ]

    def _execute(self, order: m.Command) -> None:
        media = self.media_of(order.call)
        media.has_begun = True
        assert not media.is_closed, f"{order} for a call that is closed"
        match order:
            case m.OpenPhone(call, room):
                media.is_phone_open, media.room_hint = True, room
                if self.hears(call):
                    self._report(m.PhoneOpened(call, ("10.0.0.1", 20000)))
            case m.ConnectPhone(media=agreed):
                assert media.is_phone_open
                media.phone = agreed
            case m.Play() | m.Silence():
                media.tones.append(order.tone if isinstance(order, m.Play) else None)
            case m.Say(call, utterance, parts):
                media.said.append(parts)
                self._report(m.Played(call, utterance, True))
            case m.RecordVoice(call):
                self._report(m.VoiceRecorded(call, media.says))
            case m.Mute(muted=muted):
                media.is_muted = muted
            case m.Seclude(secluded=secluded):
                media.is_secluded = secluded
            case m.OpenBridge(call, _, offer):
                self._open(call, media, offer)
            case m.SetSources(sources=sources):
                media.hears_noise = bool(sources) and all(each.is_encrypted for each in sources)
            case m.CloseBridge(call, session):
                self._close(call, media, session, getattr(order, "linger", 0.0))
            case m.Close(call):
                media.is_closed = True
                media.bridges, media.carrier = [], None
                self._report(m.Closed(call, m.CallReport()))

    def _open(self, call: str, media: CallMedia, offer: m.BridgeOffer) -> None:
        if not self.opens(call):
            self._report(m.BridgeLost(call, offer.session, "no socket"))
            return
        media.ssrcs.append(offer.ssrc)
        media.bridges = [each for each in media.bridges if each == media.carrier]
        media.bridges.append(offer.session)
        self.most_bridges = max(self.most_bridges, len(media.bridges))
        self._report(m.BridgeOpened(call, offer.session, ANSWER))
        if self.connects(call):
            asyncio.get_running_loop().call_later(
                CONNECTS_AFTER, self._connected, call, offer.session
            )

    def _connected(self, call: str, session: str) -> None:
        media = self.calls[call]
        if session not in media.bridges:
            return
        previous, media.carrier = media.carrier, session
        self.switch.receive(m.BridgeConnected(call, session))
        if previous is not None and previous != session:
            self._drop(call, previous)
            self.switch.receive(m.BridgeLost(call, previous, "replaced"))

    def _close(self, call: str, media: CallMedia, session: str, linger: float) -> None:
        if linger and session == media.carrier:
            asyncio.get_running_loop().call_later(linger, self._lingered, call, session)
        else:
            self._drop(call, session)

    def _lingered(self, call: str, session: str) -> None:
        if session in self.calls[call].bridges:
            self._drop(call, session)
            self.switch.receive(m.BridgeLost(call, session, "nothing has replaced it"))

    def _drop(self, call: str, session: str) -> None:
        media = self.calls[call]
        if session in media.bridges:
            media.bridges.remove(session)
        if media.carrier == session:
            media.carrier = None

    def _report(self, event: m.Event) -> None:
        asyncio.get_running_loop().call_soon(self.switch.receive, event)
