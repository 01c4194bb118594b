"""Messages as they may stand in a log: without what is nobody's business.

Of credentials only who they are for is left: with the response to a challenge a password can be
guessed at leisure. A header whose name says so has a room's password or a token, also where a REFER
says which headers to call with, and so may an INFO of a PBX; digits in an INFO may be a PIN.
Session descriptions have keys and passwords of media.
"""

import re

_CREDENTIALS = re.compile(
    rb"^((?:proxy-)?authorization[ \t]*:[ \t]*)([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_SECRET_NAME = rb"(?:[\w-]*(?:pass|password|pwd|secret|token)|(?:[\w-]*-)?pin)"
_SECRET = re.compile(
    rb"^(" + _SECRET_NAME + rb"[ \t]*:[ \t]*)[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*",
    re.IGNORECASE | re.MULTILINE,
)
_SECRET_IN_URI = re.compile(rb"([?&]" + _SECRET_NAME + rb'=)[^&<>"\s]*', re.IGNORECASE)
_DIGEST = re.compile(rb"digest[ \t\r\n]", re.IGNORECASE)
_RESPONSE = re.compile(rb'\bresponse[ \t]*=[ \t]*("[^"]*"?|[^,\s]*)', re.IGNORECASE)
_TELLING = re.compile(  # digits, or Jigasi's messages
    rb"^(?:content-type|c)[ \t]*:[ \t]*application/(?:dtmf|json)", re.IGNORECASE | re.MULTILINE
)
_KEY = re.compile(rb"(\b(?:inline|ice-pwd):)[A-Za-z0-9+/=]+", re.IGNORECASE)
_BODY = re.compile(rb"(\r?\n\r?\n).*", re.DOTALL)

_MASK = b"***"


def masked(data: bytes) -> bytes:
    """A message for the log."""
    data = _CREDENTIALS.sub(_mask_credentials, data)
    data = _SECRET.sub(rb"\1" + _MASK, data)
    data = _SECRET_IN_URI.sub(rb"\1" + _MASK, data)
    data = _KEY.sub(rb"\1" + _MASK, data)
    if _TELLING.search(data):
        data = _BODY.sub(rb"\1" + _MASK, data, count=1)
    return data


def _mask_credentials(field: re.Match[bytes]) -> bytes:
    """Basic and bearer credentials are the secret itself; of a digest one parameter is."""
    name, value = field[1], field[2]
    if not _DIGEST.match(value):
        return name + _MASK
    return name + _RESPONSE.sub(b'response="' + _MASK + b'"', value)
