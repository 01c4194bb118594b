"""The recorded stanzas of one participant in a real conference, scenario by scenario.

Jicofo 7ebb13d, Jitsi Videobridge a29d97d and Prosody 0.12.3 with Jitsi's plugins; recorded
2026-11-23. `OUT` was sent by a bare probe, which is no model.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

FOLDER = Path(__file__).parent / "traces"
NAMES = sorted(path.stem for path in FOLDER.glob("*.xml"))

_ENTRY = re.compile(r"<!-- (IN|OUT) \+([\d.]+)s -->\n(.+)")


@dataclass(frozen=True)
class Entry:
    """`time` is in seconds since the first stanza."""

    incoming: bool
    time: float
    stanza: Element


def trace(name: str) -> list[Entry]:
    """All entries of a trace in order."""
    text = (FOLDER / f"{name}.xml").read_text()
    entries = [
        Entry(direction == "IN", float(time), fromstring(xml))
        for direction, time, xml in _ENTRY.findall(text)
    ]
    assert len(entries) == text.count("<!-- IN ") + text.count("<!-- OUT ")
    return entries
