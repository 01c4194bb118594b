"""One call from the command line: say something, record what is heard, tell what happens."""

import asyncio
from pathlib import Path

import typer

from audiocodecs.frames import Samples, silence
from gateway.errors import SipSyntaxError
from gateway.lab.phone import NotAnswered, PhoneCall, TestPhone
from gateway.lab.phone_media import RATE
from gateway.lab.voice import read_audio, write_audio
from gateway.sip.header_values import parse_uri

PAUSE = ","  # among keys: a second without any
_SILENT_CALL = 10.0  # seconds a call lasts that says nothing


async def place_call(
    target: str,
    *,
    play: Path | None,
    record: Path | None,
    seconds: float | None,
    room: str | None,
    digits: str,
    bind: str,
) -> bool:
    """Call `target`; whether it was answered."""
    if parse_uri(target).scheme == "tel":
        raise SipSyntaxError(f"{target} is no SIP URI: it does not say where to call")
    speech = read_audio(play, RATE) if play is not None else silence(0)
    if record is not None:
        write_audio(record, silence(0), RATE)  # what cannot be written is told before the call
    headers = (("Jitsi-Conference-Room", room),) if room is not None else ()
    async with TestPhone(bind) as phone:
        call = await phone.dial(target, speaks=speech, headers=headers)
        try:
            await call.answered()
        except NotAnswered as refusal:
            typer.echo(f"not answered: {refusal}", err=True)
            return False
        typer.echo(f"answered after {call.set_up_in:.2f} s")
        pressing = asyncio.create_task(_press(call, digits))
        try:
            await _talk(call, _duration(seconds, speech))
        finally:
            pressing.cancel()
            await asyncio.wait((pressing,))
            if record is not None:  # by Ctrl-C as well
                write_audio(record, call.media.recording(), RATE)
        _summarise(call)
    return True


async def _press(call: PhoneCall, keys: str) -> None:
    for key in keys:
        if key == PAUSE:
            await asyncio.sleep(1.0)
        else:
            call.media.press(key)


async def _talk(call: PhoneCall, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            reasons = await call.ended()
    except TimeoutError:
        call.hang_up()
    else:
        said = ", ".join(reason.serialize() for reason in reasons)
        typer.echo(f"hung up by the other side{': ' + said if said else ''}")


def _duration(seconds: float | None, speech: Samples) -> float:
    if seconds is not None:
        return seconds
    return len(speech) / RATE if len(speech) else _SILENT_CALL


def _summarise(call: PhoneCall) -> None:
    reception = call.media.reception
    if reception is None:
        typer.echo("no audio came")
        return
    heard = len(call.media.recording()) / RATE
    typer.echo(
        f"heard {heard:.1f} s, {max(0, reception.lost)} of {reception.expected} packets lost"
    )
