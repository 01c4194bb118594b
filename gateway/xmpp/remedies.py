"""What an operator can do about a login that fails: one sentence, by the keys' names. Pure."""

import errno
import os

from gateway.xmpp.connection import ConnectionFailed, FailureCause

_REMEDIES = {
    FailureCause.UNREACHABLE: (
        "see host and port, or websocket or bosh, DNS, and whether a firewall lets us there"
    ),
    FailureCause.TLS: (
        "a certificate of the server's own is named by ca_file; one for another name is not to be "
        "trusted; see tls as well"
    ),
    FailureCause.LOGIN: (
        "the server does not take us: see user and password, or for guests guest_domain and "
        "[jitsi.jwt] (clocks count), and authentication in the server's configuration"
    ),
    FailureCause.TIMEOUT: "the server answers too slowly, or not at all: see its log and its load",
}
_NO_SUCH_DOMAIN = "the server does not serve this domain: see domain and guest_domain"
_OUT_OF_DATE = (
    "by this machine's clock the server's certificate has expired, or begins later: renew it "
    "there, or set the clock here (timedatectl)"
)
_OWN_FILES = "allow this process more files (LimitNOFILE of systemd, ulimit -n), or fewer calls"
_ITS_LOG = "see the server's log"


def remedy(failure: ConnectionFailed) -> str:
    """What to look at after a failure."""
    if failure.cause is FailureCause.STREAM and failure.text.startswith("host-unknown"):
        return _NO_SUCH_DOMAIN
    if failure.cause is FailureCause.TLS and _is_about_time(failure.text):
        return _OUT_OF_DATE
    if failure.text.endswith(os.strerror(errno.EMFILE)):
        return _OWN_FILES
    return _REMEDIES.get(failure.cause, _ITS_LOG)


def _is_about_time(text: str) -> bool:
    """In the words of OpenSSL."""
    return "certificate has expired" in text or "certificate is not yet valid" in text
