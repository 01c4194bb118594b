"""A socket of aioice's, taken over from the event loop: it is read when we want. [io]"""

import asyncio
import os
import socket
from typing import Any

from gateway.rtp.datagrams import Datagram, DatagramSocket


class TakenOver(asyncio.DatagramTransport):
    """Takes the place of a transport of the event loop, which is closed; the port stays open.

    `protocol` is told when it is closed, as asyncio's transports do it, and of nothing else: what
    comes is for who calls `read`.
    """

    def __init__(self, former: asyncio.DatagramTransport, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        descriptor = os.dup(former.get_extra_info("socket").fileno())
        self._socket = DatagramSocket(socket.socket(fileno=descriptor))
        self._protocol = protocol
        self._is_closed = False
        former.set_protocol(asyncio.DatagramProtocol())
        former.close()

    def read(self) -> list[Datagram]:
        """What has come since the last time."""
        return self._socket.read()

    def want_rtp(self, wanted: bool) -> None:
        """Whether RTP is to come, apart from a packet now and then."""
        self._socket.want_rtp(wanted)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send; what cannot be sent is lost, as anything may be."""
        try:  # `suppress` would cost as much as half of the sending
            self._socket.sendto(data, addr)
        except OSError:
            return

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket.address if name == "sockname" else default

    def is_closing(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._socket.close()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()
