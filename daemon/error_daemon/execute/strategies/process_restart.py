"""process_restart: end the process that the target's pid file names, if it is that very one, and start its command.

There is never a second instance (execute/instance.py). Whoever had to wait for the lock and then finds a new living process has
nothing to do any more. Whether the new process serves is for probes to see, so its start is not waited for.
"""

from __future__ import annotations

from error_daemon.errors import PermanentError
from error_daemon.execute import instance as instances
from error_daemon.execute.strategies.contract import Context, Result


class ProcessRestart:
    async def run(self, context: Context) -> Result:
        instance = instances.instance_of(context.target, context.params)
        try:
            async with instances.hold(instance) as held:
                if held.had_to_wait:
                    now = instances.running(instance)
                    if now is not None and now != held.before and now.lives():
                        return Result(detail=f"restarted meanwhile by another attempt: pid {now.pid}")
                stopped = await instances.stop(instance)
                started = instances.start(instance, held)
        except OSError as error:
            raise PermanentError(f"{error.filename or instance.pid_file}: {error.strerror}") from error
        return Result(detail=f"{stopped}; started pid {started.pid}")
