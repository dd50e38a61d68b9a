"""What a replay job is: which log, how it is replayed, what is varied, and how far it is: plain values to keep.

Jobs run in processes of their own (`kernel.compose.replay_jobs`); everything here is simulated, never a real order.
"""

from itertools import product
from typing import Any, Literal

from msgspec import Struct

from kernel.errors import ConfigError
from kernel.report import ReportInput

CELLS_MAX = 400  #: of one sweep: 20 by 20 fills a screen; more is better asked in two sweeps
VARIED_MAX = 2  #: settings in one sweep: a map has two sides
ASSIGNMENTS_MAX = 40
TEXT_MAX = 400  #: characters of one assignment or value
NAME_MAX = 80

MODES = ("simulate", "what-if", "verify", "sweep")
ENDED = ("done", "failed", "cancelled", "interrupted")
Mode = Literal["simulate", "what-if", "verify", "sweep"]
State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class Vary(Struct, frozen=True, kw_only=True):
    """One side of a sweep: a setting (`strategy.key`, `strategy.limits.key`, `risk.key`, `paper.key`), its values."""

    path: str
    values: tuple[str, ...]


class JobSpec(Struct, frozen=True, kw_only=True):
    """What was asked. `log` is a key of the shelf (`run`, `sample:NAME`, `in:NAME`), or a path on the command line."""

    mode: Mode
    log: str
    profile: str = ""  #: "" = the settings that the log recorded, or careful defaults where it recorded none
    strategies: tuple[str, ...] = ()  #: empty = all of the profile, of the log, or that exist
    assignments: tuple[str, ...] = ()  #: `strategy.key=value`, as for `replay --set`
    vary: tuple[Vary, ...] = ()  #: of a sweep
    name: str = ""  #: the operator's own words


class Figures(Struct, frozen=True, kw_only=True):
    """The outcome in a line. USD are decimal text, exact; None = there is none (a verify)."""

    pnl_usd: str | None = None
    max_drawdown_usd: str | None = None  #: the largest of any strategy
    costs_usd: str | None = None  #: fees and gas
    orders: int | None = None
    fills: int | None = None
    closed: int | None = None
    profitable: int | None = None
    is_identical: bool | None = None  #: of a verify
    digest: str = ""


class Cell(Struct, frozen=True, kw_only=True):
    """One run of a sweep. `key` identifies log, strategies, settings, seed and code: equal keys, equal results."""

    index: int  #: row by row; the last varied setting runs fastest
    values: tuple[str, ...]
    key: str = ""
    figures: Figures | None = None
    error: str = ""
    is_reused: bool = False  #: an earlier run with this key had the answer


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is. `events_total` counts all cells of a sweep."""

    events: int = 0
    events_total: int = 0
    rate_per_s: float = 0.0  #: events, over the last seconds
    eta_ms: int | None = None  #: None = not known yet
    cells: int = 0
    cells_total: int = 0


class ReplayJob(Struct, frozen=True, kw_only=True):
    """One job now. Times are wall time."""

    id: str
    number: int  #: 1, 2, … in the order of asking
    spec: JobSpec
    by: str
    state: State
    created_ts_ns: int
    started_ts_ns: int | None = None
    ended_ts_ns: int | None = None
    progress: Progress = Progress()
    figures: Figures | None = None
    error: str = ""  #: why it failed, or who cancelled it
    cells: tuple[Cell, ...] = ()  #: of a sweep, those that are done, in the order of their indexes
    has_report: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it neither runs nor waits."""
        return self.state in ENDED


class Difference(Struct, frozen=True, kw_only=True):
    """Where a verify left the recorded run: the place in the log, and both events as text."""

    seq: int
    recorded: str
    replayed: str


class VerifyResult(Struct, frozen=True, kw_only=True):
    """What a verify found. `difference` None = identical."""

    events: int
    runs: int
    digest: str
    difference: Difference | None
    unrecorded_tail: int
    recorded_by: tuple[str, ...]  #: code versions in the log other than this one


class RunResult(Struct, frozen=True, kw_only=True):
    """Everything that the page of one run shows; one of `report` and `verify` is set."""

    seconds: float
    report: ReportInput | None = None
    settings: dict[str, dict[str, Any]] = {}  #: as given: per strategy `settings` and `limits`, "risk", "paper"
    verify: VerifyResult | None = None


class JobRefused(ConfigError):
    """A job that cannot start. `errors`: setting path -> what is wrong with its value."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{path}: {text}" for path, text in errors.items()))


def check_shape(spec: JobSpec) -> JobSpec:
    """The spec itself, if its sizes and combinations make sense, else `ConfigError`. Settings are checked elsewhere."""
    if spec.mode not in MODES:
        raise ConfigError(f"mode: expected one of {', '.join(MODES)}, found {spec.mode[:20]!r}")
    if len(spec.name) > NAME_MAX:
        raise ConfigError(f"name: expected at most {NAME_MAX} characters, found {len(spec.name)}")
    if len(spec.assignments) > ASSIGNMENTS_MAX:
        raise ConfigError(f"settings: expected at most {ASSIGNMENTS_MAX}, found {len(spec.assignments)}")
    for text in (*spec.assignments, *(value for each in spec.vary for value in each.values)):
        if len(text) > TEXT_MAX:
            raise ConfigError(f"settings: expected at most {TEXT_MAX} characters each, found {len(text)}")
    if spec.mode == "verify" and (spec.profile or spec.strategies or spec.assignments):
        raise ConfigError("verify replays what was recorded: profile, strategies and settings do not apply; clear them")
    if spec.mode == "sweep":
        _check_vary(spec.vary)
    elif spec.vary:
        raise ConfigError(f"varied settings belong to a sweep, found mode {spec.mode}")
    return spec


def _check_vary(vary: tuple[Vary, ...]) -> None:
    if not 1 <= len(vary) <= VARIED_MAX:
        raise ConfigError(f"sweep: expected 1 or {VARIED_MAX} settings to vary, found {len(vary)}")
    if len({each.path for each in vary}) < len(vary):
        raise ConfigError(f"sweep: {vary[0].path} is varied twice; choose two different settings")
    count = 1
    for each in vary:
        if not each.values:
            raise ConfigError(f"sweep: {each.path} has no values; give them as a,b,c")
        if len(set(each.values)) < len(each.values):
            raise ConfigError(f"sweep: {each.path} has the same value twice; each makes a run of its own")
        count *= len(each.values)
    if count > CELLS_MAX:
        raise ConfigError(
            f"sweep: {' × '.join(str(len(each.values)) for each in vary)} = {count} runs, the limit is {CELLS_MAX};"
            " vary fewer values, or sweep twice"
        )


def cells_of(spec: JobSpec) -> tuple[Cell, ...]:
    """All cells of a sweep, row by row, without results; one without values for any other mode."""
    return tuple(
        Cell(index=index, values=values) for index, values in enumerate(product(*(each.values for each in spec.vary)))
    )


def cell_assignments(spec: JobSpec, cell: Cell) -> tuple[str, ...]:
    """The job's assignments and the cell's own behind them."""
    varied = (f"{each.path}={value}" for each, value in zip(spec.vary, cell.values, strict=True))
    return (*spec.assignments, *varied)
