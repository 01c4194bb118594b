"""Drives baresip (BSD, Debian's package): no sound hardware, controlled over TCP.

It speaks a WAV file (`aufile`) and records what it decodes by its filter `sndfile`; its player
leads nowhere until something reads from the other end of the `aubridge`. A hold ends the recording
for good (1.0.0 builds no filters for one way while the other still has its own, `aufilt_setup`), so
what is heard after it has to be spoken again. Orders and events are JSON in netstrings
(`ctrl_tcp`).

Its peculiarities, and what they ask of a gateway:
- on hold it offers sendonly but sends nothing: silence of a held phone is no reason to hang up;
- its Contact has a user part that is a pointer (`phone-0x55851e8ed310`), new in each process;
- by TCP, Via and Contact name its listening port, not that of the connection it uses;
- its re-INVITE has no Allow, its INVITE an empty Supported;
- DTMF packets of one key after the other follow without a pause between them;
- a BYE tells its RTP statistics in `X-RTP-Stat`;
- it gives up registering where another algorithm than MD5 is offered as well; its password has
  no spaces.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from audiocodecs.frames import Samples, silence
from tests.helpers.free_ports import free_ports
from tests.phones.foreign import (
    HOST,
    PATIENCE,
    RATE,
    Event,
    Journal,
    Refused,
    User,
    read_recording,
    running,
    write_speech,
)

_MODULES = Path("/usr/lib/baresip/modules")
_WAV_HEADER = 44  # octets before the samples
_CONFIG = """
poll_method epoll
net_interface {host}
sip_listen {host}:0
rtp_ports 28000-29999
rtcp_mux yes
call_max_calls 1
audio_source aufile,{folder}/says.wav
ausrc_srate 8000
ausrc_channels 1
audio_player aubridge,line
snd_path {folder}
ringback_disabled yes
statmode_default off
module_path {modules}
module {module}.so
module aufile.so
module sndfile.so
module aubridge.so
module srtp.so
module dtls_srtp.so
module ice.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{port}
"""
_ACCOUNT = "<sip:{caller}@{host}>;regint=0;audio_codecs={codec}{encryption}\n"
_REGISTERED = (
    "<sip:{user}@{server};transport={transport}>;auth_pass={password};regint=60;"
    "audio_codecs={codec}{encryption}\n"
)


@dataclass(frozen=True, slots=True)
class _Codec:
    """One of its codecs, by the names of its own; what it records has that rate and channels."""

    module: str
    name: str
    rate: int = RATE
    channels: int = 1

    @property
    def account(self) -> str:
        return f"{self.name}/{self.rate}/{self.channels}"


_CODECS = {
    "PCMU": _Codec("g711", "PCMU"),
    "PCMA": _Codec("g711", "PCMA"),
    "G722": _Codec("g722", "G722", 16000),
    "OPUS": _Codec("opus", "opus", 48000, 2),
}


def missing() -> str | None:
    """What has to be installed first."""
    if shutil.which("baresip") is None or not _MODULES.is_dir():
        return "baresip is missing: apt-get install baresip-core"
    return None


class BaresipCall:
    """A call of baresip's; made by `baresip`."""

    def __init__(
        self,
        folder: Path,
        codec: _Codec,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._journal = Journal()
        self._codec = codec
        self._folder = folder
        self._reader = reader
        self._writer = writer
        self._commands = 0

    async def follow(self) -> None:
        """Take down what the phone reports, to its end."""
        try:
            while True:
                length = int((await self._reader.readuntil(b":"))[:-1])
                self._journal.add(json.loads((await self._reader.readexactly(length + 1))[:-1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            self._journal.close()

    async def command(self, name: str, parameters: str = "") -> Event:
        """Give an order; the phone's answer to it."""
        self._commands += 1
        token = str(self._commands)
        order = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._writer.write(b"%d:%b," % (len(order), order))
        answer = await self._journal.next("token", token)
        assert answer["ok"], answer
        return answer

    async def ringing(self) -> None:
        """Return when the phone lets its user hear that it rings at the other end."""
        await self._journal.next("type", "CALL_RINGING")

    async def answered(self) -> None:
        event = await self._journal.next("type", "CALL_ESTABLISHED", "CALL_CLOSED")
        if event["type"] == "CALL_CLOSED":
            status = event["param"].split()[0]  # of "404 Not Found"
            assert status.isdigit(), event
            raise Refused(int(status))

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def ended(self, *, within: float = PATIENCE) -> str:
        return str((await self._journal.next("type", "CALL_CLOSED", within=within))["param"])

    async def hold(self) -> None:
        """Put the call on hold; return when that is agreed."""
        await self._renegotiate("hold")

    async def resume(self) -> None:
        """Take the call from hold; return when that is agreed."""
        await self._renegotiate("resume")

    async def _renegotiate(self, order: str) -> None:
        before = len(self._journal.all("type", "CALL_REMOTE_SDP"))
        await self.command(order)
        await self._journal.next("type", "CALL_REMOTE_SDP", after=before)

    async def press(self, digits: str) -> None:
        """Press keys (RFC 4733)."""
        await self.command("sndcode", digits)

    async def echo(self) -> None:
        """Speak what is heard from now on, instead of the file."""
        await self.command("ausrc", "aubridge,line")

    def recording(self) -> Samples:
        files = list(self._folder.glob("dump-*-dec.wav"))
        if not files:
            return silence(0)
        recorded = read_recording(files[0], header=_WAV_HEADER)
        # Nobody in a test is as high as 4 kHz, so that samples may simply be left out.
        return recorded[:: self._codec.channels * self._codec.rate // RATE]


@asynccontextmanager
async def baresip(
    folder: Path,
    target: str,
    *,
    says: Samples,
    codec: str = "PCMU",
    encryption: str | None = None,
    user: User | None = None,
    caller: str = "baresip",
    settings: str = "",
) -> AsyncIterator[BaresipCall]:
    """Let baresip call a SIP URI; its files are in `folder`.

    As a `user` it registers as well; it calls whether that is done or not, else as `caller`.
    `encryption` is as
    baresip names it: "srtp" (if the other side can), "srtp-mand", "srtp-mandf", "dtls_srtp",
    "dtls_srtp;medianat=ice". `settings` are added to its configuration.
    """
    (port,) = free_ports(1)
    own = _CODECS[codec]
    write_speech(folder / "says.wav", says)
    config = _CONFIG.format(
        host=HOST, folder=folder, modules=_MODULES, module=own.module, port=port
    )
    (folder / "config").write_text(config + settings)
    (folder / "accounts").write_text(_account(target, own, user or caller, encryption))
    command = ("baresip", "-4", "-s", "-f", folder)
    async with running(*command, transcript=folder / "baresip.txt") as process:
        reader, writer = await _connect(port, process)
        call = BaresipCall(folder, own, reader, writer)
        following = asyncio.create_task(call.follow(), name="baresip's events")
        try:
            await call.command("dial", target)
            yield call
        finally:
            if process.returncode is None:
                await call.command("quit")
            await following
            writer.close()


def _account(target: str, codec: _Codec, user: User | str, encryption: str | None) -> str:
    wanted = f";mediaenc={encryption}" if encryption is not None else ""
    if isinstance(user, str):
        return _ACCOUNT.format(host=HOST, caller=user, codec=codec.account, encryption=wanted)
    server, _, transport = target.partition("@")[2].partition(";transport=")
    return _REGISTERED.format(
        user=user.name,
        password=user.password,
        server=server,
        transport=transport,
        codec=codec.account,
        encryption=wanted,
    )


async def _connect(
    port: int, process: asyncio.subprocess.Process
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The control connection; baresip tells nobody when it is ready for one."""
    async with asyncio.timeout(10):
        while process.returncode is None:
            try:
                return await asyncio.open_connection(HOST, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
    raise AssertionError(f"baresip ended with {process.returncode}")
