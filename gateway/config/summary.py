"""What a configuration that is good amounts to, for whoever has written it."""

import os
from collections.abc import Iterator

from gateway.config.configuration import Config
from gateway.config.jigasi_environment import not_understood
from gateway.config.trunk import TrunkSection

DIALLING = "give a trunk [trunk.dial_out], with the prefixes that may be called"


def summary(config: Config) -> Iterator[str]:
    """Line by line; ConfigError if certificates cannot be used any more."""
    listening = ", ".join(str(listen) for listen in config.sip.listen)
    yield f"SIP on {listening}; RTP on ports {config.media.first_port} and up"
    if (certificates := config.certificates()) is not None:
        if certificates.expires is not None:
            yield f"the certificate of sip.tls is good until {certificates.expires:%F %R} UTC"
        if not certificates.is_for_name:
            yield f"the certificate of sip.tls is not for its name, {certificates.name}"
    workers = config.media.worker_count
    processes = f"{workers} process{'es' * (workers > 1)} of its own" if workers else "this process"
    yield f"media in {processes}"
    if config.control.http is not None:
        yield "HTTP on {}, port {}".format(*config.control.http.listen)
    if config.dial_in.listen is not None:
        yield "PINs and phone numbers by HTTP on {}, port {}".format(*config.dial_in.listen)
    yield f"conferences of {', '.join(config.jitsi.served_domains)}"
    for trunk in config.trunk:
        yield from _calls(trunk)
    if config.dials_nobody:
        yield f"nobody can be called from meetings: {DIALLING}"
    for variable in not_understood(os.environ):
        yield f"{variable} means nothing here"


def _calls(trunk: TrunkSection) -> Iterator[str]:
    if trunk.direction != "out":
        yield f"calls from {_whence(trunk)} ({trunk.name})"
    if (out := trunk.dial_out) is not None:
        yield f"calls to {', '.join(out.prefixes)} through {out.host} ({trunk.name})"


def _whence(trunk: TrunkSection) -> str:
    """Where a trunk's calls come from, or whose word counts for them."""
    ways = []
    if trunk.register_ is not None:
        ways.append(f"{trunk.register_.registrar}, where we register as {trunk.register_.user}")
    networks = [str(network) for network in trunk.networks]
    if trunk.register_ is None or networks:
        names = f" as {', '.join(trunk.certificate_names)}" if trunk.certificate_names else ""
        proof = f" who prove to be {trunk.digest.user}" if trunk.digest is not None else ""
        ways.append((", ".join(networks) or "anywhere") + names + proof)
    return "; ".join(ways)
