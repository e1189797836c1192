"""Real-time priority: the thread that asks for it comes before everything ordinary that wants the CPU (sched(7), SCHED_FIFO).

Whatever it starts, threads and processes, is ordinary again (SCHED_RESET_ON_FORK): programs of strategies and services that were
restarted must not crowd the host. The kernel leaves a twentieth of each second to others (kernel.sched_rt_runtime_us), so that a thread
that goes round in circles does not take the host with it; what it keeps from running meanwhile is what the priority costs.
"""

from __future__ import annotations

import os


def take_priority(priority: int) -> str:
    """For the calling thread; 0: nothing. What is wrong, with its mend; empty where nothing is."""
    if not priority:
        return ""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except (OSError, ValueError) as error:
        mend = f"LimitRTPRIO={priority} and RestrictRealtime=no in a drop-in of the unit; a container may have to be allowed it, too"
        return f"realtime_priority = {priority} is not in force: {getattr(error, 'strerror', error)} ({mend})"
    return ""
