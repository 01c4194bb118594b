"""Cutting a stream into messages (RFC 3261 18.3, keep-alives of RFC 5626 4.4.1).

No IO. What does not fit the limits, or cannot be cut, raises: the stream is lost then. Where its
header is there nevertheless, that comes first, to be answered with what is wrong with it.
"""

import re
from collections.abc import Iterator

from gateway.errors import SipSyntaxError
from gateway.sip.message import MAX_MESSAGE_SIZE

PING = b""
"""Stands among the messages for a double line end, to be answered with `PONG`."""

PONG = b"\r\n"
"""Answers a ping; stands among the messages for an answer to one of ours."""

_PING = b"\r\n\r\n"
_HALF_PINGS = (b"\r", b"\r\n", b"\r\n\r")
_BEGINNING = re.compile(rb"[^\r\n]")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_START_LINE = re.compile(rb"SIP/[0-9.]+[ \t]|[^\r\n]*SIP/[0-9.]+[ \t]*\r?\n", re.I)
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_CONTENT_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*([^\r\n]*)", re.I | re.M
)


class StreamFramer:
    """Collects octets of a stream until they make a message.

    Set `awaits_pong` when a ping has been sent: the next line end is the answer.
    """

    def __init__(self) -> None:
        self.awaits_pong = False
        self._buffer = bytearray()
        self._searched = 0  # octets known to hold no end of header
        self._size: int | None = None  # of the message, once its header is there
        self._loss: SipSyntaxError | None = None  # why nothing can be cut after it

    @property
    def is_amid_message(self) -> bool:
        """Whether part of a message is there and the rest is awaited."""
        return _BEGINNING.search(self._buffer) is not None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with `data`; SipSyntaxError if there cannot be one.

        One whose length cannot be, or exceeds the limits, comes without its body before that
        (RFC 4475 3.1.2.3).
        """
        self._buffer += data
        while self._buffer:
            if self.awaits_pong and self._buffer.startswith(PONG):
                self.awaits_pong = False
                del self._buffer[: len(PONG)]
                yield PONG
            elif (line_ends := _LINE_ENDS.match(self._buffer)) is not None:
                yield from [PING] * self._skip(line_ends.group())
                if self._buffer in _HALF_PINGS:
                    return
            elif (message := self._cut()) is not None:
                yield message
                if self._loss is not None:
                    raise self._loss
            else:
                return

    def _skip(self, line_ends: bytes) -> int:
        """Take line ends between messages out; how many pings they were."""
        pings = line_ends.count(_PING)
        rest = line_ends[pings * len(_PING) :]
        is_half = rest in _HALF_PINGS and len(self._buffer) == len(line_ends)
        del self._buffer[: len(line_ends) - (len(rest) if is_half else 0)]
        return pings

    def _cut(self) -> bytes | None:
        if self._size is None:
            self._size = self._find_size()
        size = len(self._buffer) if self._size is None else self._size
        if size > MAX_MESSAGE_SIZE:
            raise SipSyntaxError("message too large")
        if self._size is None or self._size > len(self._buffer):
            return None
        message = bytes(self._buffer[: self._size])
        del self._buffer[: self._size]
        self._searched, self._size = 0, None
        return message

    def _find_size(self) -> int | None:
        end = _END_OF_HEADER.search(self._buffer, self._searched)
        if end is not None:
            if _START_LINE.match(self._buffer) is None:
                raise SipSyntaxError("no SIP")  # as after a message that is longer than it said
            return end.end() + self._find_length(bytes(self._buffer[: end.start()]))
        self._searched = max(0, len(self._buffer) - 3)
        return None

    def _find_length(self, header: bytes) -> int:
        """How long the body is; none is read that has no end."""
        try:
            length = _content_length(header)
            if length > MAX_MESSAGE_SIZE - len(header):
                raise SipSyntaxError("message too large")
        except SipSyntaxError as error:
            self._loss = error
            return 0
        return length


def _content_length(header: bytes) -> int:
    """The stated length of the body; none is taken for 0, though a stream demands it (20.14)."""
    lengths = {value.strip() for value in _CONTENT_LENGTH.findall(header)} or {b"0"}
    if len(lengths) > 1:
        raise SipSyntaxError("several lengths")
    (length,) = lengths
    if not length.isdigit() or len(length) > 9:
        raise SipSyntaxError("no length")
    return int(length)
