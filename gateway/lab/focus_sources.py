"""Who sends what in one conference, and what the focus lets nobody add (Jicofo's source map)."""

import json
import re
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.sources import BRIDGE_OWNER, MAX_SSRC, SignalledSource

MAX_PER_OWNER = 20
_NUMBER = re.compile("-?[0-9]{1,20}")


class SourcesRefused(Exception):
    """Sources cannot be added or removed; the text is Jicofo's."""


def claimed_sources(jingle: Element, owner: str) -> tuple[SignalledSource, ...]:
    """The sources a client's Jingle lists in XML. SourcesRefused for an impossible SSRC.

    JingleError for one that is no number at all.
    """
    claimed = []
    for description in jingle.iter(f"{{{ns.JINGLE_RTP}}}description"):
        media = description.get("media", "audio")
        for source in description.findall(f"{{{ns.JINGLE_SOURCES}}}source"):
            ssrc = source.get("ssrc", "")
            if not _NUMBER.fullmatch(ssrc):
                raise JingleError(f"<source> 'ssrc' is {ssrc[:20]!r}, not a number")
            if not 0 < int(ssrc) <= MAX_SSRC:
                raise SourcesRefused(f"Invalid SSRC: {ssrc}.")
            parsed = SignalledSource.parse(source, media)
            claimed.append(SignalledSource(owner, parsed.ssrc, parsed.name, parsed.msid, media))
    return tuple(claimed)


class ConferenceSources:
    """All sources of a conference, by SSRC."""

    def __init__(self) -> None:
        self._sources: dict[int, SignalledSource] = {}

    def add(self, owner: str, added: Sequence[SignalledSource]) -> None:
        """Take an owner's further sources, all or none. SourcesRefused says what is wrong."""
        accepted = dict(self._sources)
        for source in added:
            if source.ssrc in accepted:
                raise SourcesRefused(f"SSRC is already used: {source.ssrc}.")
            msids = {known.msid for known in accepted.values() if known.msid}
            if source.msid in msids:
                raise SourcesRefused(f"MSID is already used: {source.msid}.")
            accepted[source.ssrc] = source
        if sum(source.owner == owner for source in accepted.values()) > MAX_PER_OWNER:
            raise SourcesRefused(f"SSRC limit ({MAX_PER_OWNER}) exceeded.")
        self._sources = accepted

    def remove(self, owner: str, removed: Iterable[SignalledSource]) -> None:
        """Take an owner's sources back, all or none."""
        ssrcs = [source.ssrc for source in removed]
        for ssrc in ssrcs:
            known = self._sources.get(ssrc)
            if known is None or known.owner != owner:
                text = f"Source does not exist or is not owned by endpoint (ssrc={ssrc})."
                raise SourcesRefused(text)
        for ssrc in ssrcs:
            self._sources.pop(ssrc, None)

    def drop(self, owner: str) -> tuple[SignalledSource, ...]:
        """An owner has none any more; those it had."""
        dropped = self.of(owner)
        for source in dropped:
            del self._sources[source.ssrc]
        return dropped

    def of(self, owner: str) -> tuple[SignalledSource, ...]:
        """One owner's sources."""
        return tuple(source for source in self._sources.values() if source.owner == owner)

    def except_of(self, owner: str) -> tuple[SignalledSource, ...]:
        """Everybody else's sources, the bridge's last."""
        others = [source for source in self._sources.values() if source.owner != owner]
        return tuple(sorted(others, key=lambda source: source.owner == BRIDGE_OWNER))

    def set_bridge_ssrc(self, ssrc: int) -> None:
        """The source jvb-a0, which never carries media."""
        self.drop(BRIDGE_OWNER)
        msid = "mixedmslabel mixedlabelaudio0"
        self._sources[ssrc] = SignalledSource(BRIDGE_OWNER, ssrc, "jvb-a0", msid)


def compact(sources: Iterable[SignalledSource]) -> Element:
    """Jitsi's JSON form: by owner, lists of video, video groups, audio."""
    owners: dict[str, list[list[dict[str, object]]]] = {}
    for source in sources:
        lists = owners.setdefault(source.owner, [[], [], []])
        listed: dict[str, object] = {"s": source.ssrc, "n": source.name}
        if source.msid:
            listed["m"] = source.msid
        lists[0 if source.media == "video" else 2].append(listed)
    text = json.dumps({"sources": owners}, separators=(",", ":"))
    return element(ns.JITSI_MEET, "json-message", text=text)


def described(sources: Iterable[SignalledSource]) -> list[Element]:
    """The XML form: `<source>` elements that name their owners."""
    return [
        element(
            ns.JINGLE_SOURCES,
            "source",
            {"ssrc": str(source.ssrc), "name": source.name},
            element(ns.JITSI_MEET, "ssrc-info", {"owner": source.owner}),
            element(ns.JINGLE_SOURCES, "parameter", {"name": "msid", "value": source.msid}),
        )
        for source in sources
    ]
