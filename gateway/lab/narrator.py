"""Shows a person what happens as it happens: SIP messages, stanzas and events, a line each."""

import time

from rich.console import Console
from structlog.types import EventDict

from gateway.lab.steps import Steps, StepTaken

_METHODS = (b"INVITE ", b"ACK ", b"BYE ", b"CANCEL ", b"OPTIONS ", b"INFO ", b"MESSAGE ")
_NOT_SHOWN = {"event", "level", "timestamp", "call", "sip_call_id", "exc_info"}


class Narrator:
    """Prints each step with the seconds since the start and who takes it.

    `steps` are the same for others who watch.
    """

    def __init__(self, console: Console) -> None:
        self.gateway: frozenset[str] = frozenset()  # its addresses, as in the log
        self.steps = Steps(time.monotonic)
        self._console = console
        self.steps.watch(self._print)

    def say(self, who: str, what: str) -> None:
        """One step."""
        self.steps.tell(who, what)

    def watch(self, entry: EventDict) -> None:
        """Take an entry of the log: SIP messages by their first line, events as they are."""
        event = entry["event"]
        if event in ("> message", "< message"):
            # The test phone's own view of the same messages is left out.
            is_sip = entry["data"].startswith((b"SIP/2.0 ", *_METHODS))
            if is_sip and entry["flow"] not in self.gateway:
                first, _, _ = entry["data"].partition(b"\r\n")
                way = "phone <- " if event[0] == ">" else "phone -> "
                self.say("SIP", way + first.decode(errors="replace"))
        elif entry["level"] != "debug":
            details = [f"{key}={entry[key]}" for key in entry if key not in _NOT_SHOWN]
            self.say("gateway", " ".join([event, *details]))

    def _print(self, step: StepTaken) -> None:
        # What a phone has written does not command the terminal, and need not be UTF-8.
        shown = "".join(each if each.isprintable() else "?" for each in step.what)
        line = f"[dim]{step.at:7.3f}[/] [cyan]{step.who:<8}[/] {plain(shown)}"
        self._console.print(line, highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text without anything the console would take for markup."""
    return text.replace("[", r"\[")
