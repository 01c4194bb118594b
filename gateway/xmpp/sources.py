"""Who sends which SSRC: sources as the focus signals them, and the registry of a session.

Two forms: Jitsi's compact JSON (`<json-message>`), and XML (`<source>` in a description, after
XEP-0339). An owner is an endpoint id, or `jvb`: the videobridge itself, whose SSRC sends RTCP
and never media.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import attribute, child, children, element, integer
from gateway.xmpp.jid import resource

BRIDGE_OWNER = "jvb"
MAX_SSRC = 0xFFFFFFFF
MAX_SOURCES = 5000
MAX_OWNER = 48
"""Octets; Jitsi's have 8. Who chooses a longer name is not heard: all sources there may be have to
fit into one message to the engine."""


@dataclass(frozen=True, slots=True)
class SignalledSource:
    """One SSRC. `media` is audio or video; `name` is `<owner>-a0`, `msid` "stream track"."""

    owner: str
    ssrc: int
    name: str = ""
    msid: str = ""
    media: str = "audio"

    @classmethod
    def parse(cls, source: Element, media: str) -> "SignalledSource":
        """Read the XML form; the owner may be an endpoint id or an occupant JID."""
        ssrc = integer(source, "ssrc", 1, MAX_SSRC)
        name = source.get("name", "")
        told = child(source, ns.JITSI_MEET, "ssrc-info")
        owner = attribute(told, "owner") if told is not None else name.rpartition("-")[0]
        msid = ""
        for parameter in children(source, ns.JINGLE_SOURCES, "parameter"):
            if parameter.get("name") == "msid":
                msid = parameter.get("value", "")
        return cls(resource(owner) or owner, ssrc, name, msid, media)

    def to_element(self) -> Element:
        """The XML form, without an owner: the focus knows who sends it."""
        return element(
            ns.JINGLE_SOURCES,
            "source",
            {"ssrc": str(self.ssrc), "name": self.name},
            element(ns.JINGLE_SOURCES, "parameter", {"name": "msid", "value": self.msid}),
        )


class _Compact(NamedTuple):
    """One owner's lists in the JSON form; those at the end may be left out."""

    video: object = None
    video_groups: object = None
    audio: object = None
    audio_groups: object = None


def parse_compact_sources(text: str) -> tuple[SignalledSource, ...]:
    """Read `{"sources": {owner: [video, video groups, audio, audio groups]}}`."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise JingleError("<json-message> is not JSON") from None
    owners = message.get("sources") if isinstance(message, dict) else None
    if not isinstance(owners, dict):
        raise JingleError("<json-message> has no sources")
    sources: list[SignalledSource] = []
    for owner, lists in owners.items():
        if not isinstance(lists, list):
            raise JingleError(f"sources of {owner!r} are not a list")
        compact = _Compact(*lists[: len(_Compact._fields)])
        sources += _compact_list(owner, compact.video, "video")
        sources += _compact_list(owner, compact.audio, "audio")
    if len(sources) > MAX_SOURCES:
        raise JingleError(f"{len(sources)} sources in one message")
    return tuple(sources)


def _compact_list(owner: str, listed: object, media: str) -> list[SignalledSource]:
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise JingleError(f"{media} sources of {owner!r} are not a list")
    sources = []
    for source in listed:
        ssrc = source.get("s") if isinstance(source, dict) else None
        if type(ssrc) is not int or not 0 < ssrc <= MAX_SSRC:
            raise JingleError(f"{media} source of {owner!r} has SSRC {ssrc!r}")
        name, msid = str(source.get("n", "")), str(source.get("m", ""))
        sources.append(SignalledSource(resource(owner) or owner, ssrc, name, msid, media))
    return sources


class SourceRegistry:
    """The sources of one session.

    Adding twice changes nothing, and an owner need not be in the room yet. Every method that may
    change something says whether the audio sources have changed.
    """

    def __init__(self, sources: Iterable[SignalledSource] = ()) -> None:
        self._sources: dict[int, SignalledSource] = {}
        self.add(sources)

    def add(self, sources: Iterable[SignalledSource]) -> bool:
        """What is signalled later about an SSRC replaces what was known about it."""
        before = self.audio
        for source in sources:
            if len(source.owner.encode(errors="surrogatepass")) > MAX_OWNER:
                continue
            if source.ssrc in self._sources or len(self._sources) < MAX_SOURCES:
                self._sources[source.ssrc] = source
        return self.audio != before

    def remove(self, sources: Iterable[SignalledSource]) -> bool:
        """Only an SSRC's present owner can lose it: a late removal harms nobody else."""
        before = self.audio
        for source in sources:
            known = self._sources.get(source.ssrc)
            if known is not None and known.owner == source.owner:
                del self._sources[source.ssrc]
        return self.audio != before

    def drop_owner(self, owner: str) -> bool:
        """The owner has left the room; the focus sends no source-remove for that."""
        return self.remove([source for source in self._sources.values() if source.owner == owner])

    @property
    def audio(self) -> tuple[SignalledSource, ...]:
        """What may be heard: audio of endpoints, not of the videobridge itself."""
        return tuple(
            source
            for source in self._sources.values()
            if source.media == "audio" and source.owner != BRIDGE_OWNER
        )

    @property
    def bridge_ssrc(self) -> int | None:
        """The SSRC of the videobridge's own RTCP for audio."""
        return next(
            (
                source.ssrc
                for source in self._sources.values()
                if source.media == "audio" and source.owner == BRIDGE_OWNER
            ),
            None,
        )

    @property
    def ssrcs(self) -> frozenset[int]:
        """Every SSRC that is taken, of whatever medium."""
        return frozenset(self._sources)
