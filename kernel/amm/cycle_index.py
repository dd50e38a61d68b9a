"""All cycles of two and three pools through chosen tokens, found once and screened again as each pool's rate moves.

A cycle earns at its first unit where the product of its rates (`Pool.rate`, fees included) is above 1, that is where
their logarithms sum to more than 0. An index from pool to cycles makes an update touch only what it changes, and
groups of cycles over the same tokens are passed over as a whole where even their best pools do not reach the margin.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from math import exp, inf, log, log1p
from typing import NamedTuple

#: Cycles kept: some 10 MB. More are counted in `cycles_refused`; choose fewer pools or start tokens.
CYCLES_MAX = 20_000
#: Cycles returned by one answer, best first: to size this many takes about 3 ms, and the next update is waiting.
#: More are counted in `hits_dropped`.
HITS_MAX = 64
_BPS = 10_000
#: The same logarithms summed in another order differ by less; a group is passed over only if it fails by more.
_SUM_NOISE = 1e-9
#: The largest exponent that is still a float.
_LOG_MAX = 709.0


class CycleHop(NamedTuple):
    """A pool to pass and the direction."""

    pool: str
    is_a_to_b: bool


class Cycle(NamedTuple):
    """A closed way: starts and ends with `start`, passes each pool and each other token once."""

    number: int  #: stable for the same pools and start tokens in the same order
    start: str
    hops: tuple[CycleHop, ...]


class CycleHit(NamedTuple):
    """A cycle that earns at its first unit."""

    cycle: Cycle
    rate: float  #: out per in of the first unit, all pool fees included; above 1 + margin


class _Group:
    """Cycles over the same tokens in the same order: one bundle of edges for each hop."""

    __slots__ = ("bundles", "cycles", "of_edge")

    def __init__(self, bundles: tuple[int, ...]) -> None:
        self.bundles = bundles
        self.cycles: list[tuple[int, int, int, int]] = []
        #: edge -> its cycles as (number, edge, edge, edge)
        self.of_edge: dict[int, list[tuple[int, int, int, int]]] = {}


class CycleIndex:
    """Cycles of the given pools through the start tokens; rates start unknown and unknown rates earn nothing.

    `pools` are (id, first token, second token). A cycle through several start tokens counts once, from the first of
    them in the order given. Numbers, hits and what a limit leaves out depend on the order of the arguments alone.
    Raises `ValueError` for a pool id given twice and for a pool of one token.
    """

    def __init__(
        self, pools: Iterable[tuple[str, str, str]], start_tokens: Sequence[str], *, cycles_max: int = CYCLES_MAX
    ) -> None:
        self.cycles: list[Cycle] = []
        self.cycles_refused = 0  #: found beyond `cycles_max`
        self.hits_dropped = 0  #: beyond `HITS_MAX`, over all answers
        self._names: list[str] = []
        self._edge: dict[str, int] = {}  #: pool -> edge a to b; the next number is b to a
        self._bundles: dict[tuple[str, str], int] = {}
        self._members: list[list[int]] = []  #: bundle -> edges between the same two tokens in the same direction
        self._bundle_of: list[int] = []  #: edge -> bundle
        for name, token_a, token_b in pools:
            self._add_pool(name, token_a, token_b)
        # One further edge of rate 1 fills the third place of cycles of two.
        self._filler = len(self._bundle_of)
        self._logs = [-inf] * self._filler + [0.0]
        self._best = [-inf] * len(self._members) + [0.0]
        self._groups: list[_Group] = []
        self._enumerate(tuple(dict.fromkeys(start_tokens)), cycles_max)
        self._groups_of: list[list[_Group]] = [[] for _ in range(self._filler)]
        for group in self._groups:
            for edge in group.of_edge:
                self._groups_of[edge].append(group)

    def update(self, pool: str, rate_a_to_b: float, rate_b_to_a: float, *, margin_bps: float = 0.0) -> list[CycleHit]:
        """Set a pool's rates; the touched cycles whose product is above 1 + margin, best first, then by number.

        A rate that is 0, negative, endless or NaN stands for nothing that can be swapped. Raises `KeyError` for a
        pool that is not of the index.
        """
        edge = self._edge[pool]
        hits = []
        floor = log1p(margin_bps / _BPS)
        logs, best = self._logs, self._best
        for each, rate in ((edge, rate_a_to_b), (edge + 1, rate_b_to_a)):
            logarithm = log(rate) if 0.0 < rate < inf else -inf
            before, logs[each] = logs[each], logarithm
            bundle = self._bundle_of[each]
            if logarithm >= best[bundle]:
                best[bundle] = logarithm
            elif before == best[bundle]:
                best[bundle] = max([logs[member] for member in self._members[bundle]])
        for each in (edge, edge + 1):
            if logs[each] == -inf:
                continue
            own = logs[each] - best[self._bundle_of[each]] + _SUM_NOISE
            for group in self._groups_of[each]:
                one, two, three = group.bundles
                if own + best[one] + best[two] + best[three] <= floor:
                    continue
                for number, first, second, third in group.of_edge[each]:
                    total = logs[first] + logs[second] + logs[third]
                    if total > floor:
                        hits.append((-total, number))
        return self._best_of(hits)

    def screen(self, *, margin_bps: float = 0.0) -> list[CycleHit]:
        """All cycles above 1 + margin by the rates last set, best first, as after a change of settings."""
        floor = log1p(margin_bps / _BPS)
        logs, best = self._logs, self._best
        hits = []
        for group in self._groups:
            one, two, three = group.bundles
            if best[one] + best[two] + best[three] + _SUM_NOISE <= floor:
                continue
            for number, first, second, third in group.cycles:
                total = logs[first] + logs[second] + logs[third]
                if total > floor:
                    hits.append((-total, number))
        return self._best_of(hits)

    def forget(self, pool: str) -> None:
        """No cycle through the pool earns until its next update. Raises `KeyError` for a pool not of the index."""
        self.update(pool, 0.0, 0.0)

    def touched_by(self, pool: str) -> int:
        """How many cycles an update of the pool screens. Raises `KeyError`."""
        edge = self._edge[pool]
        return sum(len(group.of_edge[each]) for each in (edge, edge + 1) for group in self._groups_of[each])

    def _best_of(self, hits: list[tuple[float, int]]) -> list[CycleHit]:
        if len(hits) > HITS_MAX:
            self.hits_dropped += len(hits) - HITS_MAX
        return [
            CycleHit(self.cycles[number], exp(min(-total, _LOG_MAX))) for total, number in nsmallest(HITS_MAX, hits)
        ]

    def _add_pool(self, name: str, token_a: str, token_b: str) -> None:
        if name in self._edge:
            raise ValueError(f"pool {name} was given twice")
        if token_a == token_b:
            raise ValueError(f"expected two tokens in pool {name}, found {token_a} twice")
        self._edge[name] = 2 * len(self._names)
        self._names.append(name)
        for pair in ((token_a, token_b), (token_b, token_a)):
            bundle = self._bundles.setdefault(pair, len(self._members))
            if bundle == len(self._members):
                self._members.append([])
            self._members[bundle].append(len(self._bundle_of))
            self._bundle_of.append(bundle)

    def _enumerate(self, start_tokens: tuple[str, ...], cycles_max: int) -> None:
        """Groups in the order of start tokens and pools: all cycles of two before those of three."""
        following: dict[str, list[str]] = {}
        for token_from, token_to in self._bundles:
            following.setdefault(token_from, []).append(token_to)
        ways = [
            (start, middle)
            for at, start in enumerate(start_tokens)
            for middle in following.get(start, ())
            if middle not in start_tokens[:at]
        ]
        for start, middle in ways:
            self._add_group((start, middle), cycles_max)
        for start, middle in ways:
            earlier = start_tokens[: start_tokens.index(start)]
            for last in following[middle]:
                if last != start and last not in earlier and (last, start) in self._bundles:
                    self._add_group((start, middle, last), cycles_max)

    def _add_group(self, tokens: tuple[str, ...], cycles_max: int) -> None:
        pairs = zip(tokens, tokens[1:] + tokens[:1], strict=True)
        bundles = [self._bundles[pair] for pair in pairs]
        sizes = [len(self._members[bundle]) for bundle in bundles]
        # Counted without being made: thousands of pools of one pair have millions of cycles.
        total = sizes[0] * (sizes[1] - 1) if len(sizes) == 2 else sizes[0] * sizes[1] * sizes[2]
        room = cycles_max - len(self.cycles)
        self.cycles_refused += max(0, total - room)
        if not total or room <= 0:
            return
        group = _Group((*bundles, len(self._members))[:3])
        for edges in self._ways(bundles, room):
            number = len(self.cycles)
            self.cycles.append(Cycle(number, tokens[0], tuple(self._hop(edge) for edge in edges)))
            padded = (number, edges[0], edges[1], edges[2] if len(edges) == 3 else self._filler)
            group.cycles.append(padded)
            for edge in edges:
                group.of_edge.setdefault(edge, []).append(padded)
        self._groups.append(group)

    def _ways(self, bundles: list[int], most: int) -> Iterator[tuple[int, ...]]:
        """The first edges through the bundles that use no pool twice."""
        for first in self._members[bundles[0]]:
            for second in self._members[bundles[1]]:
                if first >> 1 == second >> 1:
                    continue
                for rest in [()] if len(bundles) == 2 else [(third,) for third in self._members[bundles[2]]]:
                    if not most:
                        return
                    most -= 1
                    yield (first, second, *rest)

    def _hop(self, edge: int) -> CycleHop:
        return CycleHop(self._names[edge >> 1], edge & 1 == 0)
