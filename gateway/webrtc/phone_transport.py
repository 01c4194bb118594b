"""DTLS-SRTP towards a phone, on its one port: checks of the path, the handshake, its keys.

Without IO: after every call send what `datagrams_to_send` gives. Lost flights are repeated when
`handle_timeout` is called, by OpenSSL's own clock.
"""

from gateway.media.messages import Address, PhoneDtls
from gateway.webrtc.dtls import DtlsEndpoint, DtlsError, DtlsIdentity, Role, SrtpKeys
from gateway.webrtc.ice_lite import IceLite

_MOST_HANDSHAKES = 5  # that fail after one offer/answer: anybody can send a ClientHello
_HELLO = b"\x16\x01"  # a handshake record, and the first of its messages (RFC 6347 4.2.2)
_MOST_GUESTS = 5  # that begin one: each is answered with several times what it has sent


class PhoneTransport:
    """From the first offer/answer with DTLS to the last; `keys` are there after the handshake.

    `signalled` is where the phone says that it is, `hosts` are those it may be at where no ICE
    proves it. Behind a NAT it may be anywhere, and only its certificate proves it: as long as
    nothing comes from `hosts`, the latest who begins a handshake elsewhere is taken for it.

    A phone may shake hands anew where it has an association, as Asterisk does after every
    offer/answer without ICE; the old one holds until it is through (RFC 6347 4.2.8).
    """

    def __init__(
        self,
        identity: DtlsIdentity,
        agreed: PhoneDtls,
        signalled: Address | None,
        hosts: frozenset[str],
    ) -> None:
        self.keys: SrtpKeys | None = None
        self._refused = 0
        self._identity = identity
        self._agreed = agreed
        self._hosts = hosts
        self._ice = IceLite(agreed.ice) if agreed.ice is not None else None
        self._heard_at = signalled
        self._guest: Address | None = None  # who shakes hands from elsewhere
        self._guests = 0
        self._is_met = False  # at one of `hosts`
        self._outgoing: list[tuple[bytes, Address]] = []
        self._failed = 0
        self._hello = b""  # the random of the handshake's first message tells it from others
        self._successor: DtlsEndpoint | None = None  # that is to take the place of `_dtls`
        self._dtls = self._endpoint()
        self._start()

    @property
    def refused(self) -> int:
        """Checks and handshakes that were not the phone's."""
        return self._refused + (self._ice.refused if self._ice is not None else 0)

    @property
    def has_ice(self) -> bool:
        """Whether `nominated` alone says where media goes."""
        return self._ice is not None

    @property
    def nominated(self) -> Address | None:
        """The path that the phone has chosen."""
        return self._ice.nominated if self._ice is not None else None

    def negotiated(
        self, agreed: PhoneDtls, signalled: Address | None, hosts: frozenset[str]
    ) -> None:
        """Another offer/answer: the association goes on unless certificate or role change."""
        before, self._agreed, self._hosts = self._agreed, agreed, hosts
        self._failed = self._guests = 0
        if agreed.ice is None:
            self._ice = None
            self._heard_at = self._guest or signalled or self._heard_at
        elif self._ice is None:
            self._ice = IceLite(agreed.ice)
        else:
            self._ice.credentials = agreed.ice
        if (before.fingerprints, before.setup) != (agreed.fingerprints, agreed.setup):
            self._dtls, self._successor = self._endpoint(), None
        elif agreed.ice is None and agreed.setup == "active" and self.keys is not None:
            self._ask_anew()
        self._start()

    def receive(self, data: bytes, source: Address) -> None:
        """Take a datagram that is neither RTP nor RTCP (RFC 7983 section 7)."""
        if data[0] <= 3 and self._ice is not None:
            answer = self._ice.receive(data, source)
            if answer is not None:
                self._outgoing.append((answer, source))
                if self.keys is None and source in self._ice.paths:
                    self._outgoing.append((self._ice.check(), source))
                self._start()
        elif 20 <= data[0] <= 63 and self._may_be_phone(data, source):
            self._heard_at = source
            self._shake_hands(data)
        else:
            self._refused += 1

    def handle_timeout(self) -> None:
        """Repeat what was lost; call it twice a second."""
        if self._shaking.keys is not None:
            return
        try:
            self._shaking.handle_timeout()
        except DtlsError:
            self._fail()
        self._flush()

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """What has to go out now, and where."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def close(self) -> None:
        """Say goodbye; there is something to send then."""
        self._successor = None
        self._dtls.close()
        self._flush()

    def _start(self) -> None:
        """As a client, begin once it is known where the phone is."""
        if self._agreed.setup == "active" and self._way() is not None and self.keys is None:
            self._dtls.start()
            self._flush()

    @property
    def _shaking(self) -> DtlsEndpoint:
        """Whose handshake goes on, or was the last."""
        return self._successor or self._dtls

    def _shake_hands(self, data: bytes) -> None:
        hello = _random_of(data)
        if hello and hello != self._hello:
            self._hello = hello
            if self.keys is not None and self._agreed.setup == "passive":
                self._begin_anew()
        shaking = self._shaking
        try:
            shaking.receive(data)
        except DtlsError:
            self._fail()
        else:
            if shaking.keys is not None:
                self._dtls, self._successor, self.keys = shaking, None, shaking.keys
                self._failed = 0
            self._flush()

    def _ask_anew(self) -> None:
        """As a client, ask whether the phone has forgotten: who has not takes no notice."""
        self._successor = self._new_endpoint()
        self._successor.start()
        self._flush()

    def _begin_anew(self) -> None:
        self._failed += 1  # until it succeeds
        if self._failed < _MOST_HANDSHAKES:
            self._successor = self._new_endpoint()

    def _fail(self) -> None:
        """Somebody else's handshake is no reason to refuse the phone's."""
        self._flush()
        self._refused += 1
        if self._successor is not None:
            self._successor = None
            return
        self._failed += 1
        if self._failed < _MOST_HANDSHAKES:
            self._dtls = self._endpoint()

    def _endpoint(self) -> DtlsEndpoint:
        self.keys = None
        return self._new_endpoint()

    def _new_endpoint(self) -> DtlsEndpoint:
        role = Role.CLIENT if self._agreed.setup == "active" else Role.SERVER
        fingerprints = tuple((known.hash, known.value) for known in self._agreed.fingerprints)
        return DtlsEndpoint(self._identity, role, fingerprints)

    def _flush(self) -> None:
        datagrams, way = self._shaking.datagrams_to_send(), self._way()
        if way is not None:
            self._outgoing += ((datagram, way) for datagram in datagrams)

    def _way(self) -> Address | None:
        """Where the handshake goes."""
        if self._ice is None:
            return self._heard_at
        if self._ice.nominated is not None:
            return self._ice.nominated
        return self._heard_at if self._heard_at in self._ice.paths else None

    def _may_be_phone(self, data: bytes, source: Address) -> bool:
        """Whether a datagram of DTLS is taken, and of whose handshake from now on."""
        if self._ice is not None:
            return source in self._ice.paths
        if source == self._guest:
            return True
        is_known = source[0] in self._hosts
        if not is_known and not self._may_be_guest(data):
            return False
        if self._guest is not None or not is_known:
            if self.keys is not None:
                return False  # who has proved to be the phone is nobody else
            self._dtls = self._endpoint()
        self._guest = None if is_known else source
        self._guests += not is_known
        self._is_met = is_known
        return True

    def _may_be_guest(self, data: bytes) -> bool:
        may_begin = self.keys is None and not self._is_met and self._guests < _MOST_GUESTS
        return may_begin and self._agreed.setup == "passive" and data[:1] + data[13:14] == _HELLO


def _random_of(data: bytes) -> bytes:
    """What a ClientHello in clear is told by (RFC 5246 7.4.1.2); nothing if it is none."""
    is_begun = data[:1] + data[13:14] == _HELLO and not any(data[3:5] + data[19:22])
    return data[27:59] if is_begun else b""
