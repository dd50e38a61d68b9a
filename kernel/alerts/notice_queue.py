"""What waits for one channel, by the clock it is given: grave things first, info as a digest, all of it limited.

When too much waits, the oldest info goes first, then the oldest warning, and each is counted. A critical notice is
never dropped: beyond the limit it is folded into the one that waits for the same source and code, or into a count.
"""

from collections import deque

import msgspec

from bus.clock import NS_PER_MINUTE
from kernel.alerts.clock_text import clock_text
from kernel.alerts.message import Message
from kernel.alerts.notice import Notice
from kernel.alerts.route import Route

WAITING_MAX = 500  #: notices; a person reads far fewer
MESSAGES_MAX = 20  #: made elsewhere (daily summaries), waiting
BATCH_MAX = 10  #: notices in one message: what fits one screen of a phone
DIGEST_LINES_MAX = 40
CRITICAL = 2


class NoticeQueue:
    """Notices in, messages out; nothing here waits."""

    def __init__(self, route: Route, now_ns: int) -> None:
        self._route = route
        self._by_rank: tuple[deque[Notice], ...] = (deque(), deque(), deque())
        self._messages: deque[Message] = deque()
        self._sent_ns: deque[int] = deque()
        self._digest_ns = now_ns + route.digest_ns
        self.dropped = 0  #: notices of less than critical severity that were given up for room
        self.overflow = 0  #: critical ones that are told as a count alone

    def apply(self, route: Route, now_ns: int) -> None:
        """New rules; what waits stays, and its digest comes no later than either rule says."""
        self._route = route
        self._digest_ns = min(self._digest_ns, now_ns + route.digest_ns)

    @property
    def waiting(self) -> int:
        """Notices and messages not handed out yet."""
        return sum(map(len, self._by_rank)) + len(self._messages)

    @property
    def waiting_critical(self) -> int:
        """Of those, the critical ones."""
        return len(self._by_rank[CRITICAL]) + (1 if self.overflow else 0)

    def offer(self, notice: Notice) -> None:
        """Take a notice if the route wants it."""
        if not self._route.takes(notice):
            return
        if sum(map(len, self._by_rank)) >= WAITING_MAX and not self._make_room(notice):
            return
        self._by_rank[notice.rank].append(notice)

    def _make_room(self, notice: Notice) -> bool:
        """Whether there is a place for it now."""
        for rank in range(min(notice.rank, CRITICAL - 1) + 1):
            if self._by_rank[rank]:
                self.dropped += self._by_rank[rank].popleft().count
                return True
        if notice.rank < CRITICAL:
            self.dropped += notice.count
            return False
        waiting = self._by_rank[CRITICAL]
        for index, each in enumerate(waiting):
            if (each.source, each.code) == (notice.source, notice.code):
                waiting[index] = msgspec.structs.replace(notice, count=each.count + notice.count)
                return False
        self.overflow += notice.count
        return False

    def offer_message(self, message: Message) -> None:
        """Take a whole message, for instance a daily summary; too many: the oldest goes."""
        if len(self._messages) >= MESSAGES_MAX:
            self._messages.popleft()
            self.dropped += 1
        self._messages.append(message)

    def take(self, now_ns: int) -> Message | None:
        """The next message if one may be sent now; it counts as sent. Critical ones wait for the rate alone."""
        if self._rate_ns(now_ns) > now_ns:
            return None
        message = self._critical() or self._ordinary(now_ns)
        if message is not None:
            self._sent_ns.append(now_ns)
        return message

    def _critical(self) -> Message | None:
        waiting = self._by_rank[CRITICAL]
        if waiting:
            return message_of(_popped(waiting, BATCH_MAX))
        if not self.overflow:
            return None
        text = f"{self.overflow:,} more critical notices did not fit the queue; the alerts page and the log have them"
        self.overflow = 0
        return Message(title="CRITICAL", text=text, severity="critical")

    def _ordinary(self, now_ns: int) -> Message | None:
        if self._route.quiet_until_ns(now_ns) > now_ns:
            return None
        if self._messages:
            return self._messages.popleft()
        info, warnings = self._by_rank[0], self._by_rank[1]
        if warnings:
            return message_of(_popped(warnings, BATCH_MAX))
        if info and (not self._route.digest_minutes or now_ns >= self._digest_ns):
            if not self._route.digest_minutes:
                return message_of(_popped(info, BATCH_MAX))
            self._digest_ns = now_ns + self._route.digest_ns
            return _digest(_popped(info, len(info)))
        return None

    def _rate_ns(self, now_ns: int) -> int:
        """From when on the rate allows another message."""
        sent = self._sent_ns
        while sent and sent[0] <= now_ns - NS_PER_MINUTE:
            sent.popleft()
        allowed = self._route.messages_per_minute
        return now_ns if len(sent) < allowed else sent[len(sent) - allowed] + NS_PER_MINUTE

    def next_due_ns(self, now_ns: int) -> int | None:
        """When `take` may next have something; None while nothing waits."""
        due: list[int] = []
        if self.waiting_critical:
            due.append(now_ns)
        quiet_ns = self._route.quiet_until_ns(now_ns)
        if self._messages or self._by_rank[1]:
            due.append(quiet_ns)
        if self._by_rank[0]:
            due.append(max(quiet_ns, self._digest_ns if self._route.digest_minutes else now_ns))
        return max(min(due), self._rate_ns(now_ns)) if due else None


def _popped(waiting: deque[Notice], count: int) -> tuple[Notice, ...]:
    return tuple(waiting.popleft() for _ in range(min(count, len(waiting))))


def line_of(notice: Notice) -> str:
    """One notice in one line: `12:03 cex_dex_arb: text ×17 in 10 min`."""
    return f"{clock_text(notice.ts_ns)} {notice.source}: {notice.text}{_counted(notice)}"


def _counted(notice: Notice) -> str:
    if notice.count == 1 and not notice.span_s:
        return ""
    span = notice.span_s
    within = f" in {span // 60} min" if span >= 60 and span % 60 == 0 else f" in {span} s" if span else ""
    return f" ×{notice.count}{within}"


def message_of(notices: tuple[Notice, ...]) -> Message:
    """Notices of one severity as one message."""
    first = notices[0]
    word = first.severity.upper()
    if len(notices) == 1:
        title = f"{word} · {first.source} · {first.code.replace('_', ' ')}"
        text = f"{first.text}{_counted(first)}\n{clock_text(first.ts_ns)} UTC" + (
            f" · seq {first.seq}" if first.seq else ""
        )
        return Message(title=title, text=text, severity=first.severity, notices=notices)
    text = "\n".join(line_of(each) for each in notices)
    return Message(title=f"{word} · {len(notices)} notices", text=text, severity=first.severity, notices=notices)


def _digest(notices: tuple[Notice, ...]) -> Message:
    lines = [line_of(each) for each in notices[-DIGEST_LINES_MAX:]]
    hidden = len(notices) - len(lines)
    if hidden:
        lines.insert(0, f"{hidden} older ones are on the alerts page")
    return Message(title=f"Digest · {len(notices)} notices", text="\n".join(lines), notices=notices)
