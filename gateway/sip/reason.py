"""Why a call ends, as the Reason header says it (RFC 3326)."""

import re
from dataclasses import dataclass

from gateway.sip.header_values import parse_parameters, split_list
from gateway.sip.headers import Headers


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: `protocol` is "SIP" (`cause` is a status code) or "Q.850", or another."""

    protocol: str
    cause: int | None = None
    text: str = ""

    def serialize(self) -> str:
        """The value of a Reason header."""
        value = self.protocol
        if self.cause is not None:
            value += f";cause={self.cause}"
        if self.text:
            # Text may come from far away; it must not break the line or the quotes.
            text = re.sub(r"[\x00-\x1f\x7f]+", " ", self.text)
            value += ';text="' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return value


def reason_fields(reasons: tuple[Reason, ...]) -> list[tuple[str, str]]:
    """The headers that state them."""
    return [("Reason", reason.serialize()) for reason in reasons]


def status_of(reasons: tuple[Reason, ...]) -> int:
    """The response that says what a BYE would have said with a reason."""
    for reason in reasons:
        if reason.protocol.upper() == "SIP" and 300 <= (reason.cause or 0) <= 699:
            return reason.cause or 0
    return 480


def read_reasons(headers: Headers) -> tuple[Reason, ...]:
    """The reasons a message gives; what is unreadable in them is left out."""
    reasons = []
    for value in headers.values("Reason"):
        protocol, *pieces = split_list(value, ";")
        parameters = parse_parameters(pieces)
        cause = parameters.get("cause") or ""
        reasons.append(
            Reason(
                protocol=protocol,
                cause=int(cause) if re.fullmatch(r"[0-9]{1,4}", cause) else None,
                text=parameters.get("text") or "",
            )
        )
    return tuple(reasons)
