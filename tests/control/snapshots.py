"""Snapshots and calls to look at, without a gateway."""

import json
from pathlib import Path
from typing import Any

from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.record import CallRecord
from gateway.control.snapshot import Phase, Snapshot

NOW = 1000.0
GUIDE = Path(__file__).parent.parent.parent / "config" / "JIGASI.md"


def snapshot(**changes: Any) -> Snapshot:
    """A gateway that serves and is well; `load` is that of its only engine."""
    values: dict[str, Any] = {
        "now": NOW,
        "current_time": 1_700_000_000.25,
        "version": "1.2.3",
        "phase": Phase.SERVING,
        "takes_calls": True,
        "listeners": ("udp:127.0.0.1:5060",),
        "max_calls": 10,
        "meeting_url": lambda room: f"https://meet.example.org/{room.partition('@')[0]}",
    }
    if "load" in changes:
        changes["loads"] = (changes.pop("load"),)
    return Snapshot(**{**values, **changes})


def call(
    id_: str = "c1", *, participants: int = 0, trunk: str = "pbx", **fields: Any
) -> CallRecord:
    """A call that began 30 s ago; in a room if there are participants."""
    record = CallRecord(id_, f"{id_}@phone", trunk, fields.pop("caller", "Erika"), "700")
    record.started_at = NOW - 30
    if participants:
        record.room = "planning@conference.example.org"
        record.endpoint = f"e{id_}"
        record.participants = participants
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def over(record: CallRecord, reason: EndReason = EndReason.CALLER_HUNG_UP) -> CallRecord:
    """The same call, ended now."""
    record.ended(CallEnd(reason, "over"))
    record.ended_at = NOW
    return record


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading of the guide for those who come from Jigasi."""
    section = GUIDE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split(" |")] for row in rows]


def json_type(value: object) -> str:
    """JSON's name of a value's type, as it arrives."""
    read = json.loads(json.dumps(value))
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {**names, list: "array", dict: "object"}[type(read)]
