"""One channel at work: takes messages from its queue, sends them, tries again with growing pauses, keeps the score.

A fault of the channel ends in the delivery log, never in the kernel. Delivery is at least once: a connection that dies
after the request was written leaves us not knowing, and then a message may come twice.
"""

import asyncio
import contextlib

from bus.clock import NS_PER_S, Clock
from kernel.alerts.channel import Channel, SendLater
from kernel.alerts.delivery_log import Delivery, DeliveryLog
from kernel.alerts.message import Message
from kernel.alerts.notice import Notice
from kernel.alerts.notice_queue import NoticeQueue
from kernel.alerts.route import Route
from kernel.errors import ConfigError, FeedError, KernelError
from kernel.secrets.redaction import redact

BACKOFF_S_MIN = 1.0
BACKOFF_S_MAX = 300.0  #: a dead network is asked every five minutes
PAUSE_S_MAX = 3_600.0  #: the longest pause that a destination may ask for
WAIT_S_MAX = 60.0  #: the queue is looked at this often even if nothing wakes it: the wall clock may be stepped
DRAIN_POLL_S = 0.02
ERROR_CHARS_MAX = 300


class NoticeLane:
    """The worker of one channel."""

    def __init__(
        self, channel: Channel, route: Route, clock: Clock, log: DeliveryLog, *, backoff_s_min: float = BACKOFF_S_MIN
    ) -> None:
        self.channel = channel
        self.queue = NoticeQueue(route, clock.now_ns())
        self.stopped_by = ""  #: why nothing more is sent until settings change; "" = works
        self._route = route
        self._clock = clock
        self._log = log
        self._backoff_s_min = backoff_s_min
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def apply(self, route: Route) -> None:
        """New rules from the next message on."""
        self._route = route
        self.queue.apply(route, self._clock.now_ns())
        self._wake.set()

    def offer(self, notice: Notice) -> None:
        """Queue a notice; a stopped channel takes none."""
        if not self.stopped_by:
            self.queue.offer(notice)
            self._wake.set()

    def offer_message(self, message: Message) -> None:
        """Queue a whole message."""
        if not self.stopped_by:
            self.queue.offer_message(message)
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled, or until the channel says that no message will ever be taken."""
        while not self.stopped_by:
            self._wake.clear()
            now_ns = self._clock.now_ns()
            message = self.queue.take(now_ns)
            if message is not None:
                self._idle.clear()
                try:
                    await self._deliver(message)
                finally:
                    self._idle.set()
                continue
            due_ns = self.queue.next_due_ns(now_ns)
            wait_s = WAIT_S_MAX if due_ns is None else min(WAIT_S_MAX, max(0.0, (due_ns - now_ns) / NS_PER_S))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)

    async def drain_critical(self) -> None:
        """Until no critical notice waits and nothing is being sent; for the end of a run, under a time limit."""
        while (self.queue.waiting_critical or not self._idle.is_set()) and not self.stopped_by:  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_POLL_S)

    async def _deliver(self, message: Message) -> None:
        delivery = Delivery(
            number=self._log.next_number(),
            ts_ns=self._clock.now_ns(),
            channel=self.channel.name,
            severity=message.severity,
            title=redact(message.title),
            status="sending",
            attempts=0,
        )
        for part in self.channel.parts(message):
            delivery = await self._send(part, message, delivery)
            if delivery.status not in ("sending", "retrying"):
                return
        self._put(delivery, "delivered", delivery.attempts)

    async def _send(self, part: str, message: Message, delivery: Delivery) -> Delivery:
        """Send one part until it is taken, or there is no sense in trying. A critical one is tried for ever."""
        attempts = 0
        backoff_s = self._backoff_s_min
        while True:
            attempts += 1
            pause_s = backoff_s
            try:
                await self.channel.send(part)
            except SendLater as error:
                pause_s = min(PAUSE_S_MAX, max(error.after_s, self._backoff_s_min))
                failure: KernelError = error
            except FeedError as error:
                failure = error
            except ConfigError as error:
                self.stopped_by = redact(str(error))[:ERROR_CHARS_MAX]
                return self._put(delivery, "refused", delivery.attempts + 1, error)
            except KernelError as error:
                return self._put(delivery, "refused", delivery.attempts + 1, error)
            else:
                return self._put(delivery, "sending", delivery.attempts + 1)
            is_last = attempts >= self._route.attempts_max and message.severity != "critical"
            status = "given up" if is_last else "retrying"
            delivery = self._put(delivery, status, delivery.attempts + 1, failure)
            if is_last:
                return delivery
            await asyncio.sleep(pause_s)
            backoff_s = min(BACKOFF_S_MAX, backoff_s * 2)

    def _put(self, delivery: Delivery, status: str, attempts: int, error: Exception | None = None) -> Delivery:
        changed = Delivery(
            number=delivery.number,
            ts_ns=self._clock.now_ns(),
            channel=delivery.channel,
            severity=delivery.severity,
            title=delivery.title,
            status=status,
            attempts=attempts,
            error="" if error is None else redact(str(error))[:ERROR_CHARS_MAX],
        )
        self._log.put(changed)
        return changed
