"""SCRAM-SHA-1 on the server's side (RFC 5802), without channel binding."""

import base64
import hashlib
import hmac
import secrets

_ITERATIONS = 4096


class ScramRefused(Exception):
    """The client does not know the password, or does not speak SCRAM."""


class ScramServer:
    """One exchange: `first`, then `final`. `accounts` maps user names to passwords."""

    def __init__(self, accounts: dict[str, str]) -> None:
        self.username = ""
        self._accounts = accounts
        self._salt = secrets.token_bytes(16)
        self._nonce = ""
        self._messages: list[str] = []

    def first(self, message: str) -> str:
        """Take the client's first message; the server's."""
        header, _, bare = message.partition(",,")
        fields = _fields(bare)
        if header not in ("n", "y") or "n" not in fields or not fields.get("r"):
            raise ScramRefused("malformed-request")
        self.username = fields["n"].replace("=2C", ",").replace("=3D", "=")
        self._nonce = fields["r"] + secrets.token_urlsafe(12)
        salt = base64.b64encode(self._salt).decode()
        answer = f"r={self._nonce},s={salt},i={_ITERATIONS}"
        self._messages = [bare, answer]
        return answer

    def final(self, message: str) -> str:
        """Take the client's proof; the server's signature. ScramRefused if it proves nothing."""
        without_proof, _, proof = message.rpartition(",p=")
        fields = _fields(without_proof)
        password = self._accounts.get(self.username)
        if password is None or fields.get("r") != self._nonce:
            raise ScramRefused("not-authorized")
        salted = hashlib.pbkdf2_hmac("sha1", password.encode(), self._salt, _ITERATIONS)
        client_key = _hmac(salted, b"Client Key")
        text = ",".join([*self._messages, without_proof]).encode()
        signature = _hmac(hashlib.sha1(client_key).digest(), text)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if not hmac.compare_digest(base64.b64encode(expected), proof.encode()):
            raise ScramRefused("not-authorized")
        server_signature = _hmac(_hmac(salted, b"Server Key"), text)
        return f"v={base64.b64encode(server_signature).decode()}"


def _fields(message: str) -> dict[str, str]:
    parts = (part.partition("=") for part in message.split(","))
    return {key: value for key, _, value in parts}


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha1).digest()
