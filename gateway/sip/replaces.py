"""Replaces: an INVITE that takes over another call of ours (RFC 3891)."""

from dataclasses import dataclass
from typing import Self

from gateway.errors import SipSyntaxError
from gateway.sip.dialog import DialogId
from gateway.sip.header_values import parse_parameters, split_list
from gateway.sip.headers import Headers


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which dialog is to be replaced, as seen from our side; perhaps only before its answer."""

    dialog: DialogId
    early_only: bool = False

    @classmethod
    def parse(cls, headers: Headers) -> Self | None:
        """None if there is none; SipSyntaxError if it cannot be read or there are several (3)."""
        values = headers.getlist("Replaces")
        if not values:
            return None
        call_id, *pieces = split_list(values[0], ";")
        parameters = parse_parameters(pieces)
        to_tag, from_tag = parameters.get("to-tag"), parameters.get("from-tag")
        if len(values) > 1 or not call_id or to_tag is None or from_tag is None:
            raise SipSyntaxError("Malformed Replaces")
        # A peer before RFC 3261 has no tag: it is written as 0 (6.1).
        remote = "" if from_tag == "0" else from_tag
        return cls(DialogId(call_id, to_tag, remote), "early-only" in parameters)
