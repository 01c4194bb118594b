"""The command line: `sip-gateway run`, `check-config`, `prompts`, `demo`, `lab`, `call`.

What a command needs is imported when it is given: all of it takes two seconds.
"""

import ipaddress
import re
import signal
import sys
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeVar

import typer
import uvloop

from gateway import system_limits
from gateway.errors import (
    CannotListen,
    ConferenceError,
    ConfigError,
    MediaError,
    RemoteProtocolError,
)
from gateway.ivr.language import Language
from gateway.ivr.texts import Texts

if TYPE_CHECKING:
    from gateway.config.configuration import Config

Result = TypeVar("Result")

_UNUSABLE = 78  # EX_CONFIG of sysexits.h: to start it again is of no use

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The TOML configuration; the environment may do instead."),
]


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"sip-gateway {version('sip-gateway')}")
        raise typer.Exit


@app.callback()
def every_command(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Say which it is.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """The phone entrance of Jitsi Meet: SIP calls join a conference as participants."""


@app.command()
def run(config: ConfigFile = None) -> None:
    """Serve calls.

    SIGTERM lets the calls there are go on and ends with the last; SIGINT, or a second SIGTERM,
    ends them. SIGHUP has the certificates of sip.tls, dial_in.pins_file and the level of the log
    read anew, and tells what is wrong with the configuration, or needs a start. A configuration
    that cannot be used is exit status 78.
    """
    from gateway.serving import serve  # noqa: PLC0415

    loaded = _load(config)
    try:
        serve(loaded, config)
    except ConfigError as error:
        _fail(error.problems)
    except (CannotListen, MediaError) as error:
        _fail([str(error)])


@app.command("check-config")
def check_config(config: ConfigFile = None) -> None:
    """Say everything that is wrong with a configuration, or that nothing is."""
    from gateway.config.summary import summary  # noqa: PLC0415

    loaded = _load(config)
    typer.echo(f"{config or 'the environment'}: good")
    for line in summary(loaded):
        typer.echo(f"  {line}")


@app.command()
def prompts(language: Annotated[Language, typer.Argument(help="en, de, ...")]) -> None:
    """List what callers are told: the name of each recording, a tab, and its words."""
    texts = Texts.of(language)
    for name, words in (texts.recordings() | texts.characters()).items():
        typer.echo(f"{name}\t{words}")


def _address(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        address = None
    if address is None or address.is_unspecified:  # which would be told to others as it is
        raise typer.BadParameter("write an address of this machine, e.g. 192.168.1.10")
    return str(address)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after one call.")] = False,
    host: Annotated[
        str, typer.Option(help="Listen here for phones of the local network.", callback=_address)
    ] = "127.0.0.1",
    web: Annotated[
        int | None,
        typer.Option(help="Port of its web page; 8088, or with --once no page.", min=0, max=65535),
    ] = None,
) -> None:
    """Show one call through the whole gateway, in a conference on this machine."""
    from gateway.demo import WEB_PORT, show  # noqa: PLC0415

    port = WEB_PORT if web is None and not once else web
    try:
        everybody_was_heard = _run(show(host, once=once, web=port))
    except OSError as error:
        _fail([str(error)])
    if not everybody_was_heard:
        raise typer.Exit(1)


@app.command()
def lab(
    *,
    host: Annotated[
        str, typer.Option(help="Where the lab listens.", callback=_address)
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Of its XMPP server.", min=0, max=65535)] = 5222,
    room: Annotated[str, typer.Option(help="The room its speakers are in.")] = "demo",
    speakers: Annotated[int, typer.Option(help="How many there are.", min=0, max=20)] = 2,
    web: Annotated[
        int | None,
        typer.Option(help="Port of a web page to join from; none if left out.", min=0, max=65535),
    ] = None,
    xmpp: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Take place on the Prosody there instead."),
    ] = None,
    focus_password: Annotated[
        str, typer.Option(envvar="FOCUS_PASSWORD", help="For --xmpp.", show_default=False)
    ] = "",
    tls: Annotated[
        Literal["verify", "insecure", "off"], typer.Option(help="For --xmpp: as jitsi.tls.")
    ] = "verify",
    ca_file: Annotated[
        Path | None, typer.Option(help="For --xmpp: what its certificate is verified with.")
    ] = None,
    show_prosody_config: Annotated[
        bool, typer.Option("--show-prosody-config", help="How that Prosody has to be set up.")
    ] = False,
) -> None:
    """Run only the lab's conference, for a gateway started by hand."""
    from gateway.demo import keep_lab  # noqa: PLC0415
    from gateway.lab.prosody_config import shown  # noqa: PLC0415
    from gateway.lab.prosody_venue import Prosody  # noqa: PLC0415

    if show_prosody_config:
        typer.echo(shown(encrypted=tls != "off"), nl=False)
        return
    try:
        prosody = None
        if xmpp is not None:
            prosody = Prosody.parse(xmpp, focus_password, tls=tls, ca_file=ca_file)
        _run(keep_lab(host, port, room, speakers, web, prosody))
    except CannotListen as error:
        _fail([str(error)])
    except OSError as error:
        _fail([f"cannot listen: {error}"])
    except ConferenceError as error:
        _fail([f"--room: {error}"])
    except (ValueError, RemoteProtocolError, ConfigError) as error:
        _fail([f"--xmpp {xmpp}: {error}"])


def _line(value: str | None) -> str | None:
    if value is not None and not value.isprintable():
        raise typer.BadParameter("write it in one line, of characters that can be seen")
    return value


def _keys(value: str) -> str:
    if not re.fullmatch(r"[0-9*#A-D,]*", value):
        raise typer.BadParameter("keys are 0-9, *, #, A-D; a comma is a pause")
    return value


@app.command()
def call(
    target: Annotated[str, typer.Argument(help="The SIP URI to call, e.g. sip:700@127.0.0.1")],
    play: Annotated[Path | None, typer.Option(help="What to say, over and over.")] = None,
    record: Annotated[Path | None, typer.Option(help="Where to write what is heard.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Hang up after so long; default: once all is said.", min=0)
    ] = None,
    room: Annotated[
        str | None, typer.Option(help="Sent as Jitsi-Conference-Room.", callback=_line)
    ] = None,
    digits: Annotated[
        str,
        typer.Option(
            help="Keys to press once connected; a comma is a second's pause.", callback=_keys
        ),
    ] = "",
    bind: Annotated[str, typer.Option(help="The local address to call from.")] = "127.0.0.1",
) -> None:
    """Place one call, say something and record what is heard."""
    from gateway import logs  # noqa: PLC0415
    from gateway.lab.calling import place_call  # noqa: PLC0415

    logs.configure("warning")
    # As Ctrl-C, which Python knows how to end things by: whoever is called is told, and what was
    # heard is kept.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        answered = _run(
            place_call(
                target,
                play=play,
                record=record,
                seconds=seconds,
                room=room,
                digits=digits,
                bind=bind,
            )
        )
    except (OSError, RemoteProtocolError) as error:
        _fail([str(error)])
    if not answered:
        raise typer.Exit(1)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="Scenarios; all of them if none is named.")
    ] = None,
    *,
    list_: Annotated[bool, typer.Option("--list", help="Name the scenarios, and end.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few, once, for seconds; no capacity, no comparison.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show where the time goes, of one scenario.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(help="Measured each time.", min=1)] = None,
    runs: Annotated[int | None, typer.Option(help="Of which the median counts.", min=1)] = None,
    calls: Annotated[int | None, typer.Option(help="Instead of the scenarios' own.", min=1)] = None,
    room: Annotated[int | None, typer.Option(help="Callers a room, as above.", min=1)] = None,
    talkers: Annotated[int | None, typer.Option(help="Of a room, as above.", min=0)] = None,
    codec: Annotated[str | None, typer.Option(help="Of the phones: PCMU or PCMA.")] = None,
    complexity: Annotated[int | None, typer.Option(help="Of Opus.", min=0, max=10)] = None,
    json: Annotated[Path, typer.Option(help="Where to write everything.")] = Path("bench.json"),
    plot: Annotated[Path, typer.Option(help="Where to draw it.")] = Path("bench.svg"),
) -> None:
    """Measure the media engine: CPU a call, calls a core, beside what codecs alone cost."""
    from gateway.bench import command  # noqa: PLC0415
    from gateway.bench.trial import TrialError  # noqa: PLC0415

    if list_:
        typer.echo("\n".join(command.listing()))
        return
    named = tuple(names or ())
    if wrong := command.unknown(named):
        _fail([f"no such scenario: {', '.join(wrong)}", *command.listing()])
    changes = {
        "calls": calls,
        "callers_a_room": room,
        "talkers": talkers,
        "codec": codec,
        "complexity": complexity,
    }
    request = command.Request(named, quick, profile, seconds, runs, changes, json, plot)
    try:
        command.bench(request)
    except (OSError, ValueError, TrialError) as error:
        _fail([str(error)])


def main() -> None:
    """The console script `sip-gateway`."""
    try:
        app()
    except (MemoryError, OSError, RuntimeError) as error:
        if (limit := system_limits.reached(error)) is None:
            raise
        sys.exit(limit)


def _load(file: Path | None) -> "Config":
    from gateway.config.configuration import load_usable  # noqa: PLC0415

    try:
        return load_usable(file)
    except ConfigError as error:
        _fail(
            [
                f"{file or 'the environment'} cannot be used:",
                *(f"  {problem}" for problem in error.problems),
            ],
            status=_UNUSABLE,
        )


def _fail(lines: list[str], status: int = 1) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(status)


def _run(story: Coroutine[None, None, Result]) -> Result:
    return uvloop.run(story)
