"""The worker pool: orders out to workers, answers back, each order answered exactly once.

**Who gets an order.** The lowest-numbered ready worker with room for one more attempt: the first ones stay hot (their code in
the cache, their core awake), the last ones are reserves. When all are full, attempts wait in order; the engine hands out a
bounded number. Probe rounds are short and take no room: they go to the first worker with room, else to the least loaded.

**When a worker is lost**, every attempt it had is answered with LOST and every probe round with UNKNOWN readings, with a detail
that says how the worker ended; the programs it had started are killed; `on_worker_lost` is told; and the worker is replaced:
at once the first time, then, while workers keep dying within 5 s of their start, after 0.1 s, 0.2 s, ... up to 5 s.
What was lost is never sent again: nobody knows what it had done. That decision is the engine's, after a probe.

Runs on the daemon's loop and never blocks it; call every method on that loop's thread. Answers never come from within
`start_attempt` or `start_probes`, always later.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from error_daemon.errors import PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.link import START_TIMEOUT_S, Heard, Heartbeat, WorkerLink, WorkerTraits, open_link, probes_of
from error_daemon.execute.orders import OrderWriter, observations_of, outcome_of, readings_of, unobserved, unseen
from error_daemon.model import AttemptOrder, Observation, ObserveOrder, Outcome, OutcomeKind, ProbeOrder
from error_daemon.ports import Clock, OnOutcome, OnReadings

USUAL_HEARTBEAT = Heartbeat()
USUAL_TRAITS = WorkerTraits()
_SHORT_LIFE_S = 5.0
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
_STOP_GRACE_S = 2.0


class WorkerPool:
    """The real side of ports.Executor."""

    def __init__(
        self,
        workers: int,
        attempts_per_worker: int,
        clock: Clock,
        *,
        on_outcome: OnOutcome,
        on_readings: OnReadings,
        on_worker_lost: Callable[[str], None],
        traits: WorkerTraits = USUAL_TRAITS,
        heartbeat: Heartbeat = USUAL_HEARTBEAT,
    ) -> None:
        self._traits = traits
        self._room = attempts_per_worker
        self._clock = clock
        self._on_outcome = on_outcome
        self._on_readings = on_readings
        self._on_worker_lost = on_worker_lost
        self._heartbeat = heartbeat
        self._writer = OrderWriter()
        self._links: list[WorkerLink | None] = [None] * workers
        self._waiting_attempts: deque[AttemptOrder] = deque()
        self._waiting_rounds: deque[ProbeOrder | ObserveOrder] = deque()
        self._observing: dict[str, tuple[ObserveOrder, asyncio.Future[Sequence[Observation]]]] = {}  # by round
        self._supervisors: list[asyncio.Task[None]] = []
        self._last_loss = ""

    @property
    def alive(self) -> int:
        """Workers that take orders."""
        return sum(link is not None and link.is_ready for link in self._links)

    def pids(self) -> list[int]:
        """Processes of the workers, ready or not."""
        return [link.pid for link in self._links if link is not None]

    def heard(self) -> list[Heard]:
        """When each worker was last heard of."""
        links = [link for link in self._links if link is not None]
        return [Heard(link.pid, link.is_ready, link.silent_s, link.load) for link in links]

    async def start(self) -> None:
        """Returns when all workers are ready. Raises PermanentError, with none left running, if they are not in 20 s."""
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._all_ready = asyncio.Event()
        for index in range(len(self._links)):
            supervisor = self._loop.create_task(self._supervise(index))
            supervisor.add_done_callback(self._report_bug)
            self._supervisors.append(supervisor)
        self._beat_timer = self._loop.call_later(self._heartbeat.every_s, self._beat)
        try:
            await asyncio.wait_for(self._all_ready.wait(), START_TIMEOUT_S)
        except asyncio.TimeoutError:
            ready = self.alive
            await self.stop()
            raise PermanentError(
                f"{ready} of {len(self._links)} workers were ready in {START_TIMEOUT_S:g} s; {self._last_loss or 'no word'}"
            ) from None

    async def stop(self) -> None:
        """End workers and the programs that they run. What was not answered yet is answered before this returns."""
        if not self._supervisors:
            return
        self._stopping.set()
        self._beat_timer.cancel()
        for link in self._links:
            if link is not None:
                link.leave(_STOP_GRACE_S)
        await asyncio.wait(self._supervisors)
        self._supervisors.clear()
        while self._waiting_attempts:
            self._lose_attempt(self._waiting_attempts.popleft().attempt_id, "was not begun: the daemon stops")
        while self._waiting_rounds:
            order = self._waiting_rounds.popleft()
            self._lose_round(order.round_id, probes_of(order), "the daemon stops")

    # --- orders

    def start_attempt(self, order: AttemptOrder) -> None:
        self._waiting_attempts.append(order)
        self._hand_out()

    def start_probes(self, order: ProbeOrder) -> None:
        self._waiting_rounds.append(order)
        self._hand_out()

    async def observe(self, order: ObserveOrder) -> Sequence[Observation]:
        """See ports.Executor."""
        answer: asyncio.Future[Sequence[Observation]] = self._loop.create_future()
        self._observing[order.round_id] = order, answer
        self._waiting_rounds.append(order)
        self._hand_out()
        try:
            return await answer
        finally:
            del self._observing[order.round_id]

    def _hand_out(self) -> None:
        while self._waiting_rounds and (link := self._prober()) is not None:
            self._send_round(link, self._waiting_rounds.popleft())
        while self._waiting_attempts and (link := self._first_with_room()) is not None:
            self._send_attempt(link, self._waiting_attempts.popleft())

    def _first_with_room(self) -> WorkerLink | None:
        for link in self._links:
            if link is not None and link.is_ready and len(link.attempts) < self._room:
                return link
        return None

    def _prober(self) -> WorkerLink | None:
        ready = [link for link in self._links if link is not None and link.is_ready]
        return self._first_with_room() or min(ready, key=lambda link: link.load, default=None)

    def _send_attempt(self, link: WorkerLink, order: AttemptOrder) -> None:
        try:
            frame = self._writer.attempt(order)
        except PermanentError as error:
            refused = Outcome(order.attempt_id, OutcomeKind.REFUSED, str(error))
            self._loop.call_soon(self._on_outcome, refused)
            return
        link.send_attempt(frame, order)

    def _send_round(self, link: WorkerLink, order: ProbeOrder | ObserveOrder) -> None:
        names = probes_of(order)
        timeouts_s = [probe.timeout_s for probe in order.probes]
        try:
            if isinstance(order, ObserveOrder):
                timeouts_s += [observer.timeout_s for observer in order.observers]
                frame = self._writer.observers(order)
            else:
                frame = self._writer.probes(order)
        except PermanentError as error:
            self._loop.call_soon(self._lose_round, order.round_id, names, str(error))
            return
        link.send_probes(frame, order.round_id, names, max(timeouts_s, default=0.0))

    # --- answers

    def _take(self, link: WorkerLink, message: frames.FromWorker) -> None:
        which = message.WhichOneof("message")
        if which == "attempt" and link.attempt_ended(message.attempt):
            self._hand_out()
            self._on_outcome(outcome_of(message.attempt, self._clock))
        elif which == "probes" and link.rounds.pop(message.probes.round_id, None) is not None:
            self._on_readings(message.probes.round_id, readings_of(message.probes, self._clock))
        elif which == "observed" and link.rounds.pop(message.observed.round_id, None) is not None:
            self._observed(message.observed.round_id, observations_of(message.observed))
        elif which == "ready":
            if self.alive == len(self._links):
                self._all_ready.set()
            self._hand_out()

    def _lose_attempt(self, attempt_id: str, detail: str) -> None:
        self._tell(self._on_outcome, Outcome(attempt_id, OutcomeKind.LOST, detail))

    def _observed(self, round_id: str, observations: Sequence[Observation]) -> None:
        _, answer = self._observing.get(round_id, (None, None))
        if answer is not None and not answer.done():  # whoever asked may have gone
            answer.set_result(observations)

    def _lose_round(self, round_id: str, probes: tuple[str, ...], detail: str) -> None:
        if round_id in self._observing:
            self._observed(round_id, unobserved(self._observing[round_id][0], detail))
            return
        self._tell(self._on_readings, round_id, unseen(probes, detail, self._clock))

    def _tell(self, told: Callable[..., None], *what: object) -> None:
        """Whoever is told may have a bug; the others are told all the same, and the worker's place is kept."""
        try:
            told(*what)
        except Exception as error:  # noqa: BLE001
            self._bug("the loss of a worker could not be taken", error)

    # --- workers

    def _beat(self) -> None:
        self._beat_timer = self._loop.call_later(self._heartbeat.every_s, self._beat)
        for link in self._links:
            if link is not None:
                link.beat()

    async def _supervise(self, index: int) -> None:
        """Keep one place in the pool filled until the pool stops."""
        short_lives = 0
        while not self._stopping.is_set():
            began_s = self._loop.time()
            await self._serve_one_life(index)
            short_lives = short_lives + 1 if self._loop.time() - began_s < _SHORT_LIFE_S else 0
            if short_lives > 1:
                await self._pause(min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** (short_lives - 2)))

    async def _serve_one_life(self, index: int) -> None:
        try:
            link = await open_link(self._heartbeat, self._take, self._traits)
        except OSError as error:
            self._report_loss(f"a worker can't be started: {error.strerror}")
            return
        self._links[index] = link
        if self._stopping.is_set():  # stop() came while it was being started, and could not see it
            link.leave(_STOP_GRACE_S)
        detail = await link.ended
        self._links[index] = None
        for attempt_id in link.attempts:
            self._lose_attempt(attempt_id, detail)
        for round_id, work in link.rounds.items():
            self._lose_round(round_id, work.probes, detail)
        if not self._stopping.is_set():
            self._report_loss(detail)

    def _report_loss(self, detail: str) -> None:
        self._last_loss = detail
        self._tell(self._on_worker_lost, detail)

    async def _pause(self, delay_s: float) -> None:
        """Wait, but no longer than until the pool stops."""
        stop = self._loop.create_task(self._stopping.wait())
        await asyncio.wait((stop,), timeout=delay_s)
        stop.cancel()

    def _report_bug(self, supervisor: asyncio.Task[None]) -> None:
        if not supervisor.cancelled() and (error := supervisor.exception()) is not None:
            self._bug("a worker's place is no longer kept", error)

    def _bug(self, message: str, error: BaseException) -> None:
        self._loop.call_exception_handler({"message": message, "exception": error})
