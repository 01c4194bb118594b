"""Media before all else that a machine does, where its operator allows that.

Audio has to be there every 20 ms. Beside a videobridge or another busy program the kernel lets it
wait for its share; a real-time process waits for nobody.
"""

import os
import resource

import structlog

log = structlog.get_logger(__name__)

_LEAST = 1  # of the real-time priorities: before every process that has none (sched(7))


def come_first() -> None:
    """Have this thread run before all that is not real-time, if RLIMIT_RTPRIO permits any.

    By default it permits none, not even to root, so that it is the operator who decides.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if most == 0:
        return
    try:
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK  # for nobody whom we start
        os.sched_setscheduler(0, policy, os.sched_param(_LEAST))
    except OSError as error:  # in a container, or where groups share real time
        remedy = "see whether this container or cgroup may have real-time processes"
        log.warning("media does not come first", reason=error.strerror, remedy=remedy)
    else:
        log.info("media comes first")
