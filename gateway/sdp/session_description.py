"""Session descriptions as SIP uses them (RFC 8866): parse, look at, serialize.

Rule: reading forgives what does not matter (line ends, unknown or missing lines, odd o= lines) and
raises SdpError where a call could not be set up from what is there. Attributes are kept as written,
known or not; what they mean is read off when asked for.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from gateway.errors import SdpError

MAX_SIZE = 65_535
MAX_LINES = 1000
MAX_MEDIA = 64
_MAX_FORMATS = 256  # of one m= line: more payload types than RTP has

_LINE = re.compile(r"([a-z])=(.*)")
_RTPMAP = re.compile(r"(\d{1,3})\s+([^/\s]+)/(\d{1,6})(?:/(\d{1,2}))?", re.ASCII)
_FMTP = re.compile(r"(\d{1,3})\s+(.*)", re.ASCII)
_RTCP = re.compile(r"(\d{1,5})(?:\s+IN\s+IP[46]\s+(\S+))?", re.ASCII)
_MILLISECONDS = re.compile(r"(\d{1,4})(?:\.\d+)?", re.ASCII)


class Direction(StrEnum):
    """Which way a stream may flow, seen from whoever describes it (RFC 8866 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


_DIRECTIONS = frozenset(Direction)


class Attribute(NamedTuple):
    """An a= line: a flag if `value` is None. Keys and passwords are in no `repr`."""

    name: str
    value: str | None = None

    def __repr__(self) -> str:
        value = "***" if self.name in ("crypto", "ice-pwd") else self.value
        return f"Attribute({self.name!r}, {value!r})"


class RtpMap(NamedTuple):
    """What a payload type stands for; `encoding` in upper case, `clock_rate` in Hz."""

    encoding: str
    clock_rate: int
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line: which session this is, and which version of its description."""

    host: str
    session_id: str = "0"
    version: int = 0
    username: str = "-"

    def raised(self) -> "Origin":
        """The origin of the next description of the same session (RFC 3264 section 8)."""
        return replace(self, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """An m= line with what belongs to it; `connection` is its own c= address, if it has one."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: str | None = None
    attributes: tuple[Attribute, ...] = ()

    def value(self, name: str) -> str | None:
        """The value of the first attribute of that name."""
        return next((value for key, value in self.attributes if key == name), None)

    def has(self, name: str) -> bool:
        """Whether there is an attribute of that name."""
        return any(key == name for key, _ in self.attributes)

    @property
    def rtpmaps(self) -> dict[int, RtpMap]:
        """Payload types by a=rtpmap."""
        maps: dict[int, RtpMap] = {}
        for match in self._matches("rtpmap", _RTPMAP):
            rtpmap = RtpMap(match[2].upper(), int(match[3]), int(match[4] or 1))
            maps.setdefault(int(match[1]), rtpmap)
        return maps

    @property
    def fmtps(self) -> dict[int, str]:
        """Format parameters by payload type, from a=fmtp."""
        return {int(match[1]): match[2].strip() for match in self._matches("fmtp", _FMTP)}

    @property
    def ptime(self) -> int | None:
        """Milliseconds of media the describer wants in a packet."""
        return self._milliseconds("ptime")

    @property
    def maxptime(self) -> int | None:
        """Milliseconds of media the describer takes in a packet at most."""
        return self._milliseconds("maxptime")

    @property
    def rtcp(self) -> tuple[int, str | None] | None:
        """Port and, if stated, address of a=rtcp (RFC 3605)."""
        for match in self._matches("rtcp", _RTCP):
            if 0 < int(match[1]) < 65536:
                return int(match[1]), match[2]
        return None

    def _matches(self, name: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        matches = (
            pattern.fullmatch(value.strip())
            for key, value in self.attributes
            if key == name and value is not None
        )
        return [match for match in matches if match is not None]

    def _milliseconds(self, name: str) -> int | None:
        for match in self._matches(name, _MILLISECONDS):
            return int(match[1]) or None
        return None


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description. `connection` is the address for media without one of their own."""

    origin: Origin
    media: tuple[MediaDescription, ...]
    connection: str | None = None
    attributes: tuple[Attribute, ...] = ()
    name: str = "-"
    times: tuple[str, ...] = ("0 0",)

    def direction_of(self, media: MediaDescription) -> Direction:
        """The direction of a medium: its own, or the session's, or both ways."""
        for name, value in (*media.attributes, *self.attributes):
            if value is None and name in _DIRECTIONS:
                return Direction(name)
        return Direction.SENDRECV

    def extended_reports_of(self, media: MediaDescription) -> frozenset[str]:
        """The extended reports the describer wants of a medium, or of all (RFC 3611 section 5.1):
        what a=rtcp-xr lists, in lower case and without sizes."""
        values = (
            value
            for name, value in (*media.attributes, *self.attributes)
            if name == "rtcp-xr" and value is not None
        )
        return frozenset(item.partition(":")[0].lower() for item in next(values, "").split())

    def connection_of(self, media: MediaDescription) -> str | None:
        """The address media are received at."""
        return media.connection or self.connection

    @classmethod
    def parse(cls, data: bytes) -> "SessionDescription":
        """Read a description; SdpError if no media could be set up from it."""
        session, *media = _sections(data)
        fields = dict(reversed(session))  # of a repeated line the first counts
        return cls(
            origin=_parse_origin(fields.get("o", "")),
            media=tuple(_parse_media(section) for section in media),
            connection=_parse_connection(session),
            attributes=_parse_attributes(session),
            name=fields.get("s", "").strip() or "-",
            times=tuple(value for key, value in session if key == "t") or ("0 0",),
        )

    def serialize(self) -> bytes:
        """The description on the wire."""
        origin = self.origin
        lines = [
            "v=0",
            f"o={origin.username} {origin.session_id} {origin.version} {_address(origin.host)}",
            f"s={self.name}",
        ]
        lines += [f"c={_address(self.connection)}"] if self.connection else []
        lines += [f"t={time}" for time in self.times]
        lines += _attribute_lines(self.attributes)
        for media in self.media:
            fields = (media.kind, str(media.port), media.protocol, *media.formats)
            lines.append(f"m={' '.join(fields)}")
            lines += [f"c={_address(media.connection)}"] if media.connection else []
            lines += _attribute_lines(media.attributes)
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


_Section = list[tuple[str, str]]


def _sections(data: bytes) -> list[_Section]:
    """The lines as (type, value): first those of the session, then those of each medium."""
    if len(data) > MAX_SIZE:
        raise SdpError("description too large")
    lines = data.decode("utf-8", "surrogateescape").replace("\r", "\n").split("\n")
    parsed = [(match[1], match[2]) for line in lines if (match := _LINE.fullmatch(line))]
    if not parsed or parsed[0][0] != "v" or parsed[0][1].strip() != "0":
        raise SdpError("not a session description")
    sections: list[_Section] = [[]]
    for key, value in parsed:
        if key == "m":
            sections.append([])
        sections[-1].append((key, value))
    if len(parsed) > MAX_LINES or len(sections) > MAX_MEDIA:
        raise SdpError("description too long")
    return sections


def _parse_origin(value: str) -> Origin:
    fields = value.split()
    if len(fields) != 6:
        return Origin("0.0.0.0")
    username, session_id, version, _, _, host = fields
    is_number = version.isascii() and version.isdigit() and len(version) < 20
    return Origin(host, session_id, int(version) if is_number else 0, username)


def _parse_media(section: _Section) -> MediaDescription:
    fields = section[0][1].split()
    if len(fields) < 3:
        raise SdpError("malformed m= line")
    kind, port, protocol, *formats = fields
    digits, _, _ = port.partition("/")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6 and int(digits) < 65536):
        raise SdpError("malformed m= line")
    return MediaDescription(
        kind=kind.lower(),
        port=int(digits),
        protocol=protocol,
        formats=tuple(formats[:_MAX_FORMATS]),
        connection=_parse_connection(section),
        attributes=_parse_attributes(section),
    )


def _parse_connection(section: _Section) -> str | None:
    value = next((value for key, value in section if key == "c"), None)
    if value is None:
        return None
    fields = value.split()
    if len(fields) != 3 or fields[0].upper() != "IN":
        raise SdpError("malformed c= line")
    return fields[2].partition("/")[0]  # without the scope of a multicast address


def _parse_attributes(section: _Section) -> tuple[Attribute, ...]:
    attributes = []
    for key, value in section:
        if key == "a":
            name, colon, rest = value.partition(":")
            attributes.append(Attribute(name.strip(), rest if colon else None))
    return tuple(attributes)


def _address(host: str) -> str:
    return f"IN {'IP6' if ':' in host else 'IP4'} {host}"


def _attribute_lines(attributes: tuple[Attribute, ...]) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]
