"""The second code: an order from a chat runs only after a challenge was answered with the authenticator's code."""

import secrets
from collections import deque

from msgspec import Struct

from adapters.telegram.totp import Totp
from bus.clock import NS_PER_MINUTE, NS_PER_S, Clock

VALID_S = 60
TRIES_MAX = 3  #: wrong codes for one challenge
WRONG_MAX = 5  #: wrong codes of all people within the window; then nobody's code counts for the pause
WRONG_WINDOW_NS = 10 * NS_PER_MINUTE
LOCKED_NS = 15 * NS_PER_MINUTE
PENDING_MAX = 20

Who = tuple[int, int]  #: chat and user


class Order(Struct, frozen=True):
    """What is to be done once it is confirmed."""

    word: str  #: kill, resume, start, pause, stop or reload
    argument: str


class _Pending:
    __slots__ = ("number", "order", "tries", "until_ns")

    def __init__(self, order: Order, number: str, until_ns: int) -> None:
        self.order = order
        self.number = number
        self.until_ns = until_ns
        self.tries = 0


class Challenges:
    """Open challenges, one a person and chat. A code works once; five wrong ones lock all orders for 15 minutes."""

    def __init__(self, totp: Totp, clock: Clock) -> None:
        self._totp = totp
        self._clock = clock
        self._pending: dict[Who, _Pending] = {}
        self._wrong_ns: deque[int] = deque(maxlen=WRONG_MAX)
        self._locked_until_ns = 0

    @property
    def used_step(self) -> int:
        """The step of the latest accepted code, to be kept over a restart."""
        return self._totp.used_step

    @property
    def locked_s(self) -> int:
        """For how long no code counts; 0 = they do."""
        left_ns = self._locked_until_ns - self._clock.now_ns()
        return max(0, -(-left_ns // NS_PER_S))

    def ask(self, who: Who, order: Order) -> str:
        """A new challenge in place of an older one of the same person. Returns its number."""
        self._pending.pop(who, None)
        while len(self._pending) >= PENDING_MAX:
            del self._pending[next(iter(self._pending))]
        number = f"{secrets.randbelow(9_000) + 1_000}"
        self._pending[who] = _Pending(order, number, self._clock.now_ns() + VALID_S * NS_PER_S)
        return number

    def forget(self, who: Who) -> bool:
        """Drop his challenge; whether there was one."""
        return self._pending.pop(who, None) is not None

    def answer(self, who: Who, number: str, code: str) -> Order | str:
        """The order that is now confirmed, or why not, in words. Any outcome but a wrong code ends the challenge."""
        if self.locked_s:
            return f"too many wrong codes: no code counts for another {self.locked_s} s"
        pending = self._pending.get(who)
        if pending is None:
            return "nothing waits for a code; send the command first"
        if self._clock.now_ns() > pending.until_ns:
            del self._pending[who]
            return f"that was more than {VALID_S} s ago; send the command again"
        if secrets.compare_digest(number.encode(), pending.number.encode()) and self._totp.accept(
            code, self._clock.now_ns()
        ):
            del self._pending[who]
            return pending.order
        return self._wrong(who, pending)

    def _wrong(self, who: Who, pending: _Pending) -> str:
        now_ns = self._clock.now_ns()
        pending.tries += 1
        self._wrong_ns.append(now_ns)
        if len(self._wrong_ns) == WRONG_MAX and self._wrong_ns[0] > now_ns - WRONG_WINDOW_NS:
            self._locked_until_ns = now_ns + LOCKED_NS
            self._wrong_ns.clear()
            self._pending.clear()
            return f"wrong code; too many of them: no code counts for {LOCKED_NS // NS_PER_MINUTE} minutes"
        if pending.tries >= TRIES_MAX:
            del self._pending[who]
            return "wrong code; send the command again"
        return "wrong code, or one that was used already; wait for the next one"
