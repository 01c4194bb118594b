"""The TLS side of an XMPP server: one context for an installation, not one for a call.

Building a context reads the system's certificates, which stalls the loop for some 40 ms.
"""

import ssl
from pathlib import Path

from gateway.errors import ConfigError
from gateway.trust import TrustInFile, trusting_the_system


def tls_context(*, ca_file: Path | None = None, verify: bool = True) -> ssl.SSLContext:
    """A context that trusts `ca_file`, or the system's authorities; or anybody if not `verify`.

    ConfigError if the file cannot be used.
    """
    if ca_file is None and verify:
        return trusting_the_system()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is not None:
        try:
            context = TrustInFile(ssl.PROTOCOL_TLS_CLIENT, ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError([f"CA file {ca_file}: {error}"]) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
