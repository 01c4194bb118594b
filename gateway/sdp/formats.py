"""RTP payload formats as session descriptions have them, and which of a peer's are ours too.

Codecs are named by their encoding in upper case. An answer takes one of them: the first of ours, in
our order, that is offered. What goes beside it (key presses, comfort noise) has to keep its time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gateway.sdp.session_description import MediaDescription, RtpMap

_TELEPHONE_EVENT, _COMFORT_NOISE = "TELEPHONE-EVENT", "CN"
_KEYPAD = "0-15"  # RFC 4733 section 3.2: 0-9, *, #, A-D
_NARROW_BAND = ("PCMA", "PCMU")  # have no silence of their own: comfort noise (RFC 3389) goes along

_DYNAMIC = range(96, 128)  # RFC 3551 section 6

# RFC 3551 table 4, as far as anybody has them in an m= line without a=rtpmap.
_STATIC = {
    0: RtpMap("PCMU", 8000),
    3: RtpMap("GSM", 8000),
    8: RtpMap("PCMA", 8000),
    9: RtpMap("G722", 8000),
    13: RtpMap("CN", 8000),
    18: RtpMap("G729", 8000),
}


@dataclass(frozen=True, slots=True)
class Format:
    """An RTP payload type and what it stands for; `parameters` is the value of its a=fmtp."""

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""

    @property
    def is_event(self) -> bool:
        """Whether it carries key presses and no audio."""
        return self.encoding == _TELEPHONE_EVENT

    @property
    def is_audio(self) -> bool:
        """Whether it carries what is said."""
        return self.encoding in CODECS

    def is_like(self, other: "Format") -> bool:
        """Whether it is the same, numbers and parameters aside.

        Not everybody writes that Opus has two channels (RFC 7587 section 7).
        """
        if (self.encoding, self.clock_rate) != (other.encoding, other.clock_rate):
            return False
        return self.channels == other.channels or self.encoding == "OPUS"


CODECS = {
    "OPUS": Format(
        111,
        "OPUS",
        48000,
        2,
        # What is to be sent to us: there is more use in FEC than in what nobody hears. Not what we
        # capture at, a hint that FreeSWITCH takes for a rate to agree on, and then hangs up.
        "useinbandfec=1;stereo=0;maxplaybackrate=16000",
    ),
    "G722": Format(9, "G722", 8000),  # its clock, not its rate (RFC 3551 section 4.5.2)
    "PCMA": Format(8, "PCMA", 8000),
    "PCMU": Format(0, "PCMU", 8000),
}
"""The codecs we have, as our own offers describe them."""

DEFAULT_CODECS = tuple(CODECS)
"""All of them, wide-band first."""

_EVENT = Format(101, _TELEPHONE_EVENT, 8000, parameters=_KEYPAD)
_EVENT_BESIDE_OPUS = Format(110, _TELEPHONE_EVENT, 48000, parameters=_KEYPAD)
_NOISE = Format(13, _COMFORT_NOISE, 8000)


def offered_formats(codecs: Sequence[str]) -> tuple[Format, ...]:
    """What an offer of ours lists: these codecs, and key presses at the rates of their clocks.

    No comfort noise: whoever is offered it may begin to cut off what is soft.
    """
    events = (_EVENT_BESIDE_OPUS, _EVENT) if "OPUS" in codecs else (_EVENT,)
    return (*(CODECS[name] for name in codecs), *events)


def widened(
    kept: Sequence[Format], codecs: Sequence[str], named: Iterable[Format]
) -> tuple[Format, ...]:
    """What a later offer of ours lists: what holds first, then all else that we have (14.2).

    A number goes on to stand for what it has stood for in the session (RFC 3264 section 8.3.2):
    `named` is what the peer has given numbers to.
    """
    known = tuple(named)
    formats, numbers = list(kept), {part.payload_type for part in (*kept, *known)}
    for own in offered_formats(codecs):
        if any(part.is_like(own) for part in formats):
            continue
        number = next((part.payload_type for part in known if part.is_like(own)), None)
        if number is None:
            free = (own.payload_type, *_DYNAMIC)
            number = next((each for each in free if each not in numbers), None)
        if number is not None:
            numbers.add(number)
            formats.append(replace(own, payload_type=number))
    return tuple(sorted(formats, key=lambda part: not part.is_audio))


def answered_formats(media: MediaDescription, codecs: Sequence[str]) -> tuple[Format, ...]:
    """What we agree to of an offered stream: the codec to send, others that may arrive, the rest.

    Nothing if there is no codec of ours in it.
    """
    offered = formats_of(media)
    ours = (CODECS[name] for name in codecs)
    audio = [theirs for own in ours for theirs in offered if theirs.is_like(own)]
    if not audio:
        return ()
    event = next(iter(_events(offered, audio[0])), None)
    noise = next((part for part in offered if part.is_like(_NOISE)), None)
    return (
        *audio,
        *([event] if event is not None else []),
        *([noise] if noise is not None and audio[0].encoding in _NARROW_BAND else []),
    )


def agreed_formats(media: MediaDescription, offered: Iterable[Format]) -> tuple[Format, ...]:
    """What the answer to an offer of ours takes of it, in the peer's order; audio comes first.

    Nothing if there is no codec in it. Who numbers otherwise wants to be sent its own numbers, and
    may send ours (RFC 3264 section 6.1): those come last of their kind.
    """
    ours, theirs = tuple(offered), formats_of(media)
    taken = [part for part in theirs if any(part.is_like(own) for own in ours)]
    numbers = {part.payload_type for part in theirs}
    taken += [
        own
        for own in ours
        if own.payload_type not in numbers and any(part.is_like(own) for part in taken)
    ]
    audio = [part for part in taken if part.is_audio]
    return (*audio, *_events(taken, audio[0])) if audio else ()


def formats_of(media: MediaDescription) -> list[Format]:
    """The payload types of a stream of which it is known what they are, in its order."""
    maps, parameters = {**_STATIC, **media.rtpmaps}, media.fmtps
    formats = []
    for text in media.formats:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 128
        if number < 128 and number in maps:
            formats.append(Format(number, *maps[number], parameters.get(number, "")))
    return formats


def _events(formats: Iterable[Format], audio: Format) -> list[Format]:
    """Key presses that go with this audio: by its clock (RFC 4733 section 2.1), else by 8 kHz."""
    rates = (audio.clock_rate, 8000)
    events = [part for part in formats if part.is_event and part.clock_rate in rates]
    events.sort(key=lambda event: event.clock_rate != audio.clock_rate)
    return [replace(event, parameters=_KEYPAD) for event in events]
