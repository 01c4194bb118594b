"""The sections about trunks: who may call, and where its calls go."""

import re
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from gateway.calls.backdrop import WhileWaiting
from gateway.calls.caller_identity import ShowCaller
from gateway.calls.keypad import KeypadCommand
from gateway.calls.parties import CalledIn
from gateway.calls.trunk import RoomRule, Trunk
from gateway.config.dial_out import TrunkDialOutSection
from gateway.config.register import TrunkDigestSection, TrunkRegisterSection
from gateway.config.section import Section
from gateway.config.values import (
    CertificateName,
    Codecs,
    HeaderName,
    ListenAddress,
    Network,
    Pattern,
    SecondsOrNone,
)
from gateway.media.messages import PhoneSound
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip.digest import Credentials
from gateway.sip.liaison import LiaisonConfig
from gateway.sip.locate import Destination
from gateway.sip.probe import ProbeConfig

Key = Literal[
    "microphone",
    "hand",
    "count",
    "help",
    "leave",
    "admit",
    "mute-all",
    "end",
    "record",
    "lock",
]


class RuleSection(Section):
    """`[[trunk.rule]]`: calls to numbers that `called` matches go to `room`."""

    called: Pattern
    room: str = Field(min_length=1)
    installation: str | None = None

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        for reference in re.findall(r"\\(?:g<(\w+)>|(\d+))", self.room):
            name = reference[0] or reference[1]
            known = name in self.called.groupindex or (
                name.isdigit() and int(name) <= self.called.groups
            )
            if not known:
                raise ValueError(f"room: there is no group {name!r} in called")
        if "\\0" in self.room:  # which would be a character that nobody sees
            raise ValueError(r"room: \0 is no group; write \g<0> for all that called matches")
        try:
            self.called.sub(self.room, "")
        except re.error as error:
            raise ValueError(rf"room: {error}; groups of called are \1 or \g<name>") from None
        return self


class TrunkSection(Section):
    """`[[trunk]]`: who may call, and how the room of a call is found."""

    name: str = Field(min_length=1)
    networks: tuple[Network, ...] = Field(default=(), alias="from")
    certificate_names: tuple[CertificateName, ...] = ()
    room_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Room",)
    password_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Room-Pass",)
    tenant_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Domain-Tenant",)
    domain_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Domain-Base",)
    token_headers: tuple[HeaderName, ...] = ("Jitsi-Auth-Token",)
    visitor_headers: tuple[HeaderName, ...] = ("Jitsi-Visitor",)
    allow_visitors: bool = False
    rule: tuple[RuleSection, ...] = ()
    default_room: str | None = None
    ask_pin: bool = False
    record_name: bool | None = None
    words: bool | None = None
    waiting: WhileWaiting | None = None
    keys: tuple[Key, ...] = get_args(Key)
    moderator: bool = False
    installation: str | None = None
    info_json: bool = False
    heartbeat: SecondsOrNone = 0.0
    chat: bool = False
    conference_digits: bool = False
    codecs: Codecs | None = None
    srtp: Literal["off", "offered", "required"] = "offered"
    dial_out: TrunkDialOutSection | None = None
    show_caller: Literal["full", "masked", "name"] = "full"
    trust_identity: bool = True
    called_party: tuple[Literal["uri", "to", "diversion", "history-info"], ...] = Field(
        default=("uri", "to"), min_length=1
    )
    gain_control: bool = False
    noise_gate: bool = False
    echo_suppression: bool = False
    early_media: bool = False

    direction: Literal["both", "in", "out"] = "both"
    listeners: tuple[ListenAddress, ...] = ()
    max_calls: int = Field(default=0, ge=0)
    max_calls_per_second: float = Field(default=0.0, ge=0)
    probe: float = Field(default=0.0, ge=0, le=86_400)
    probe_answers: int = Field(default=1, ge=1, le=100)
    probe_failures: int = Field(default=2, ge=1, le=100)
    register_: TrunkRegisterSection | None = Field(default=None, alias="register")
    digest: TrunkDigestSection | None = None

    @model_validator(mode="after")
    def _check_ways(self) -> Self:
        problems = []
        if self.direction == "in" and self.dial_out is not None:
            problems.append('direction: "in" goes without [trunk.dial_out]; leave one of them out')
        if self.direction == "out" and self.dial_out is None:
            problems.append('direction: "out" goes with [trunk.dial_out], which is missing')
        known = self.networks or self.certificate_names or self.register_ or self.digest
        if self.direction != "out" and not known:
            hint = (
                "write where calls come from, or give certificate_names, [trunk.register] or "
                "[trunk.digest]"
            )
            problems.append(f"from: is missing; {hint}")
        if self.record_name and not self.ask_pin:
            problems.append("record_name: goes with ask_pin; set that, or leave this out")
        if self.probe and not (self.dial_out or self.register_):
            hint = "give [trunk.dial_out] or [trunk.register], or leave it out"
            problems.append(f"probe: there is nobody to ask; {hint}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def transports(self) -> list[tuple[str, str]]:
        """The transports that our requests have to take, and which section wants that."""
        wanted: dict[str, str | None] = {}
        if self.dial_out is not None:
            wanted["dial_out"] = self.dial_out.transport
        if self.register_ is not None:
            wanted["register"] = self.register_.destination.transport
        return [(section, name) for section, name in wanted.items() if name is not None]

    @property
    def liaison(self) -> LiaisonConfig | None:
        """For `gateway.sip`: with whom to keep in touch, if that is wanted."""
        register = self.register_
        if register is None and not self.probe:
            return None
        target, probed = None, None
        if self.dial_out is not None:
            through = self.dial_out.for_calls()
            target = through.peer_uri
            probed = Destination(through.transport, through.host, through.port)
        elif register is not None:
            target, probed = register.registrar, register.destination
        probe = None
        if self.probe and target is not None:
            probe = ProbeConfig(target, self.probe, self.probe_answers, self.probe_failures)
        return LiaisonConfig(
            self.name,
            registration=register.registration if register is not None else None,
            registrar=register.destination if register is not None else None,
            probe=probe,
            probed=probed,
        )

    @property
    def _credentials(self) -> Credentials | None:
        """Who we are to its servers: whom calls through it are by, or whom we register as."""
        if self.dial_out is not None and (by := self.dial_out.credentials) is not None:
            return by
        return self.register_.registration.credentials if self.register_ is not None else None

    def for_calls(
        self, codecs: tuple[str, ...], *, record_name: bool, waiting: WhileWaiting
    ) -> Trunk:
        """For `gateway.calls`; what it is given is for trunks that do not say so."""
        wants_name = record_name if self.record_name is None else self.record_name
        return Trunk(
            name=self.name,
            networks=self.networks,
            certificate_names=self.certificate_names,
            room_headers=self.room_headers,
            password_headers=self.password_headers,
            tenant_headers=self.tenant_headers,
            domain_headers=self.domain_headers,
            token_headers=self.token_headers,
            visitor_headers=self.visitor_headers,
            allow_visitors=self.allow_visitors,
            installation=self.installation,
            rules=tuple(RoomRule(rule.called, rule.room, rule.installation) for rule in self.rule),
            default_room=self.default_room,
            asks_pin=self.ask_pin,
            asks_name=self.ask_pin and wants_name,
            speaks=self.ask_pin if self.words is None else self.words,
            keys=frozenset(KeypadCommand(each) for each in self.keys),
            moderator=self.moderator,
            info_json=self.info_json,
            heartbeat=self.heartbeat or None,
            codecs=self.codecs or codecs,
            srtp=SrtpPolicy(self.srtp),
            chat=self.chat,
            conference_digits=self.conference_digits,
            dial_out=self.dial_out.for_calls() if self.dial_out is not None else None,
            credentials=self._credentials,
            show_caller=ShowCaller(self.show_caller),
            trust_identity=self.trust_identity,
            called_party=tuple(CalledIn(each) for each in self.called_party),
            early_media=self.early_media,
            waiting=self.waiting or waiting,
            takes_calls=self.direction != "out",
            listeners=tuple((each.transport, each.host, each.port) for each in self.listeners),
            digest_user=self.digest.user if self.digest is not None else None,
            max_calls=self.max_calls or None,
            max_calls_per_second=self.max_calls_per_second or None,
            sound=PhoneSound(
                gain_control=self.gain_control,
                noise_gate=self.noise_gate,
                echo_suppression=self.echo_suppression,
            ),
        )
