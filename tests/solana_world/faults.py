"""What goes wrong, and when: a script that depends on the order of requests alone, so a seed gives the same run.

Where (`Fault.where`, a trailing `*` matches any rest): `rpc:METHOD`, `jito:METHOD`, `jupiter:PATH`, `ws:NOTIFICATION`,
`send` (a transaction that a node took), `bundle` (one that the engine took), `slot` (a slot begins).
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

#: what -> (where it makes sense, its parameters with defaults)
KINDS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = MappingProxyType({
    "status": (("rpc", "jito", "jupiter"), {"code": 429, "retry_after_s": 1}),  # HTTP 429, 500, 503
    "delay": (("rpc", "jito", "jupiter"), {"s": 1.0, "is_before": False}),  # done, but answered late (or done late)
    "cut": (("rpc", "jito", "jupiter", "ws"), {"is_done": True}),  # the connection ends without an answer
    "stale": (("rpc",), {"blocks": 20}),  # answered by a node that is behind
    "unhealthy": (("rpc",), {"blocks": 60}),  # error -32005
    "drop": (("send", "ws"), {}),  # accepted and forgotten
    "late": (("send", "bundle"), {"slots": 5}),  # lands after the client gave up
    "duplicate": (("send", "ws"), {}),
    "lose": (("send", "bundle"), {"slots": 5}),  # nobody finds the signatures for so long, though they land
    "never_landed": (("bundle",), {}),
    "unbundled": (("bundle",), {"count": 1}),  # the first transactions land alone
    "fork": (("slot",), {"depth": 1, "is_again": True}),  # processed blocks go; is_again: their transactions come back
    "skip": (("slot",), {"slots": 1}),  # no block
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Hits the `nth` matching request after it was added (1 = the next), and `count` in all."""

    what: str
    where: str
    nth: int = 1
    count: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.what not in KINDS:
            raise ValueError(f"expected one of {', '.join(KINDS)}, found {self.what!r}")
        places, defaults = KINDS[self.what]
        if self.where.partition(":")[0].rstrip("*") not in places:
            raise ValueError(f"{self.what}: expected where to be {' or '.join(places)}, found {self.where!r}")
        if unknown := set(self.params) - set(defaults):
            raise ValueError(f"{self.what}: unknown parameters {sorted(unknown)}")
        if self.nth < 1 or self.count < 1:
            raise ValueError(f"{self.what}: nth and count begin with 1")

    def __getitem__(self, name: str) -> Any:
        return self.params.get(name, KINDS[self.what][1][name])

    def matches(self, where: str) -> bool:
        """Whether it watches that place."""
        return where == self.where or (self.where.endswith("*") and where.startswith(self.where[:-1]))


class FaultScript:
    """All faults of a world. `fired` tells what happened, in order."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults: list[list[Any]] = []  # [fault, matching requests so far]
        self.fired: list[tuple[str, Fault]] = []
        for each in faults:
            self.add(each)

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._faults.append([fault, 0])

    def clear(self) -> None:
        """Everything goes well from now on."""
        self._faults.clear()

    def take(self, where: str) -> list[Fault]:
        """A request is there: which faults hit it."""
        hits: list[Fault] = []
        for each in self._faults:
            fault: Fault = each[0]
            if fault.matches(where):
                each[1] += 1
                if fault.nth <= each[1] < fault.nth + fault.count:
                    hits.append(fault)
        self._faults = [each for each in self._faults if each[1] < each[0].nth + each[0].count - 1]
        self.fired += [(where, fault) for fault in hits]
        return hits


def random_script(seed: int, count: int = 20, within: int = 200) -> list[Fault]:
    """`count` faults among the next `within` requests of each place, the same for a seed."""
    draw = random.Random(f"faults:{seed}")
    found = []
    for _ in range(count):
        what = draw.choice(sorted(KINDS))
        place = draw.choice(KINDS[what][0])
        where = f"{place}:*" if place in ("rpc", "jito", "jupiter", "ws") else place
        params: dict[str, Any] = {}
        if what == "status":
            params["code"] = draw.choice((429, 500, 503))
        elif what == "delay":
            params.update(s=draw.choice((0.05, 0.2, 0.5)), is_before=draw.random() < 0.5)
        elif what == "cut":
            params["is_done"] = draw.random() < 0.5
        elif what == "unbundled":
            params["count"] = draw.randint(1, 2)
        elif what == "fork":
            params.update(depth=draw.randint(1, 2), is_again=draw.random() < 0.5)
        elif what in ("late", "lose"):
            params["slots"] = draw.randint(2, 12)
        found.append(Fault(what, where, nth=draw.randint(1, within), params=params))
    return found
