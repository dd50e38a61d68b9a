"""The form of a new replay: read into a job, and shown again with what was typed and what is wrong with it."""

from starlette.datastructures import FormData

from kernel.errors import ConfigError
from kernel.replay_job import MODES, JobSpec, Mode, ReplayJob, Vary

ROWS_SHOWN = 3  #: empty rows for settings; the page's code adds more
ROWS_MAX = 40
VARY_ROWS = 2
PATH_MAX = 120


class ReplayForm:
    """What stands in the fields. `rows` and `vary` are (path, value, error)."""

    def __init__(self) -> None:
        self.mode = "simulate"
        self.log = ""
        self.profile = ""
        self.name = ""
        self.strategies: tuple[str, ...] = ()
        self.rows: list[tuple[str, str, str]] = []
        self.vary: list[tuple[str, str, str]] = []
        self.error = ""

    @classmethod
    def of_job(cls, job: ReplayJob) -> "ReplayForm":
        """As an earlier job was asked."""
        made, spec = cls(), job.spec
        made.mode, made.log, made.profile, made.name = spec.mode, spec.log, spec.profile, spec.name
        made.strategies = spec.strategies
        made.rows = [(*_pair(text), "") for text in spec.assignments]
        made.vary = [(each.path, ", ".join(each.values), "") for each in spec.vary]
        return made

    @classmethod
    def of_post(cls, posted: FormData) -> "ReplayForm":
        """As it was typed; nothing is judged yet."""

        def text(name: str) -> str:
            value = posted.get(name, "")
            return " ".join(value.split()) if isinstance(value, str) else ""

        made = cls()
        made.mode, made.log, made.profile, made.name = text("mode"), text("log"), text("profile"), text("name")
        made.strategies = tuple(str(each) for each in posted.getlist("strategy"))
        rows = [(text(f"path{at}")[:PATH_MAX], text(f"value{at}"), "") for at in range(ROWS_MAX)]
        made.rows = [row for row in rows if row[0] or row[1]]
        vary = [(text(f"vary{at}")[:PATH_MAX], text(f"values{at}"), "") for at in range(VARY_ROWS)]
        made.vary = [row for row in vary if row[0] or row[1]]
        return made

    def job(self) -> JobSpec:
        """The job that is asked. Raises `ConfigError` for a mode that is none."""
        if self.mode not in MODES:
            raise ConfigError(f"mode: expected one of {', '.join(MODES)}, found {self.mode[:20]!r}")
        mode: Mode = self.mode  # type: ignore[assignment]
        if mode == "verify":  # the other fields are hidden then, and may still hold something
            return JobSpec(mode=mode, log=self.log, name=self.name)
        return JobSpec(
            mode=mode,
            log=self.log,
            profile=self.profile,
            name=self.name,
            strategies=self.strategies,
            assignments=tuple(f"{path}={value}" for path, value, _ in self.rows),
            vary=tuple(Vary(path=path, values=_listed(values)) for path, values, _ in self.vary)
            if mode == "sweep"
            else (),
        )

    def refuse(self, error: str, by_path: dict[str, str] | None = None) -> None:
        """Remember what is wrong; texts by setting go to their rows, the rest above the form."""
        left = dict(by_path or {})
        for rows in (self.rows, self.vary):
            rows[:] = [(path, value, left.pop(path, "")) for path, value, _ in rows]
        if by_path is None:
            self.error = error
        elif left:
            self.error = "; ".join(f"{path}: {text}" for path, text in left.items())
        else:
            self.error = "Some settings cannot be used; each says why."

    @property
    def rows_shown(self) -> list[tuple[str, str, str]]:
        """With empty ones to fill."""
        return self.rows + [("", "", "")] * max(1, ROWS_SHOWN - len(self.rows))

    @property
    def vary_shown(self) -> list[tuple[str, str, str]]:
        """Two of them."""
        return self.vary + [("", "", "")] * (VARY_ROWS - len(self.vary))


def _pair(text: str) -> tuple[str, str]:
    path, _, value = text.partition("=")
    return path, value


def _listed(values: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in values.split(",") if each.strip())
