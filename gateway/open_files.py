"""How many files and sockets this process may have open, and whether that is enough for its calls.

Linux gives a process 1024 unless it asks for more, which it mostly may.
"""

import resource
import sys

_CALL = 6  # RTP and RTCP over both IP versions, ICE, and the login or a relay
_REST = 100


def allow_many() -> int:
    """Have as many as this process, and those it starts, may have; how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def wanted(calls: int) -> int:
    """What so many calls at a time may need, all in one process."""
    return _REST + _CALL * calls
