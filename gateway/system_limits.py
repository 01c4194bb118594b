"""What the system allows this process: files, threads, memory; what to do if it is too little.

Linux gives a process 1024 files unless it asks for more, which it mostly may.
"""

import errno
import resource
import sys
import threading

_CALL = 6  # RTP and RTCP over both IP versions, ICE, and the login or a relay
_REST = 100
_LEAST = 64  # files; without any call
_THREADS = 7  # of the log, of libuv (which aborts where it gets none), of PINs and of DNS

_MENDS = {
    errno.EMFILE: "no more files may be open; allow more (LimitNOFILE of systemd, ulimit -n)",
    errno.ENFILE: "no more files may be open on this machine (sysctl fs.file-max)",
    errno.EAGAIN: "no more processes and threads may be started; allow more "
    "(TasksMax of systemd, ulimit -u, --pids-limit of Docker), or more memory (ulimit -v)",
    errno.ENOSPC: "there is no room on the disk that is written to",
    errno.ENOMEM: "there is no more memory; "
    "allow more (MemoryMax of systemd, ulimit -v, --memory of Docker)",
}


def reached(error: BaseException) -> str | None:
    """Which limit an error tells of, and how to raise it; None if it is about something else."""
    if isinstance(error, MemoryError):
        return _MENDS[errno.ENOMEM]
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return _MENDS[errno.EAGAIN]
    return _MENDS.get(error.errno or 0) if isinstance(error, OSError) else None


def allow_many_files() -> int:
    """Have as many as this process, and those it starts, may have; how many that are.

    OSError: they are too few to begin with.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _LEAST:
        raise OSError(errno.EMFILE, f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def files_wanted(calls: int) -> int:
    """What so many calls at a time may need, all in one process."""
    return _REST + _CALL * calls


def check_threads() -> None:
    """OSError: they will be too few for a gateway, without its media workers."""
    ending = threading.Event()
    begun: list[threading.Thread] = []
    try:
        for _ in range(_THREADS):
            thread = threading.Thread(target=ending.wait, daemon=True)
            thread.start()
            begun.append(thread)
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from error
    finally:
        ending.set()
        for thread in begun:
            thread.join()
