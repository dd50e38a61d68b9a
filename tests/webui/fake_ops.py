"""FOR TESTS ONLY: made-up sources of the operations pages. Values move with every look; hostile strings included."""

import itertools
from pathlib import Path

import msgspec

from kernel.errors import ConfigError, StoreError
from kernel.logs.log_tail import LogPage, LogTail
from kernel.secrets.secret import Secret
from kernel.secrets.secret_names import shape_problem
from tests.webui.fake_source import HOSTILE, START_NS
from webui.ops_rpc_source import EndpointInput, EndpointRow, PoolView, StoredRow, TypeRow, UsageHour
from webui.ops_secret_source import AccessLine, SecretLine, SecretsView
from webui.ops_source import (
    AlertAsk,
    AlertItem,
    AlertMark,
    AlertSlice,
    ChannelRow,
    ChannelsView,
    DeliveryRow,
    LogQuery,
    LogState,
)
from webui.ops_system_source import DiskRow, Library, MigrationRow, ModuleRow, SystemFacts, SystemNow

HOUR_NS = 3_600_000_000_000
AWAY = "Postgres does not answer"


class FakeLogs:
    """Real files through the real tail; counts are made up."""

    def __init__(self, folder: Path) -> None:
        self.tail = LogTail(folder)
        self.folder = folder
        self.written = 0

    def write(self, module: str, *lines: str, kind: str = "trading") -> None:
        path = self.folder / module / f"{module}_{kind}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.written += len(lines)

    def event(self, module: str, number: int, level: str = "info", event: str = "order_denied", **fields: str) -> None:
        head = {"ts": f"2026-11-24T12:00:{number % 60:02d}.{number:09d}Z", "level": level, "module": module}
        self.write(module, msgspec.json.encode({**head, "event": event, **fields}).decode())

    async def modules(self) -> list[str]:
        return self.tail.modules()

    def state(self, module: str) -> LogState:
        return LogState(written=self.written, dropped=3)

    async def page(self, query: LogQuery) -> LogPage:
        return self.tail.read(
            query.module, query.kind, before=query.before, limit=query.limit, level=query.level, text=query.text
        )


class FakeAlerts:
    """Sixty alerts."""

    def __init__(self) -> None:
        self.is_away = False
        self.marks = 0
        self.tests: list[str] = []
        self.rows = [
            AlertItem(
                id=f"00000000-0000-0000-0000-{number:012d}", key=f"{number}", run_id="run7", seq=1_000 + number,
                ts_ns=START_NS + number * 60_000_000_000, module="drift" if number % 3 else "cex_dex_arb",
                severity=("info", "warning", "critical")[number % 3], code=f"code_{number % 4}",
                message=f"token {HOSTILE} number {number}", status="open",
            )
            for number in range(60)
        ]  # fmt: skip

    async def alerts(self, ask: AlertAsk) -> AlertSlice:
        if self.is_away:
            raise StoreError(AWAY)
        if ask.before_key and not ask.before_key.isdigit():
            raise ValueError(f"before_key: expected a key, found {ask.before_key!r}")
        found = [
            row
            for row in reversed(self.rows)
            if (not ask.before_key or int(row.key) < int(ask.before_key))
            and ask.status in ("", row.status) and ask.severity in ("", row.severity)
            and ask.module in ("", row.module) and ask.code in ("", row.code)
        ]  # fmt: skip
        shown = tuple(found[: ask.limit])
        next_key = shown[-1].key if len(found) > ask.limit else ""
        return AlertSlice(rows=shown, next_key=next_key, modules=("cex_dex_arb", "drift"))

    async def counts(self) -> dict[tuple[str, str], int]:
        if self.is_away:
            raise StoreError(AWAY)
        counts: dict[tuple[str, str], int] = {}
        for row in self.rows:
            counts[row.status, row.severity] = counts.get((row.status, row.severity), 0) + 1
        return counts

    async def mark(self, ids: tuple[str, ...], status: str, *, by: str, note: str) -> int:
        self.marks += 1
        before = {"acknowledged": ("open",), "resolved": ("open", "acknowledged")}[status]
        changed = 0
        for index, row in enumerate(self.rows):
            if row.id in ids and row.status in before:
                mark = AlertMark(status=status, by=by, ts_ns=row.ts_ns, note=note)
                self.rows[index] = msgspec.structs.replace(row, status=status, marks=(*row.marks, mark))
                changed += 1
        return changed

    def channels(self) -> ChannelsView:
        return ChannelsView(
            is_on=True,
            channels=(
                ChannelRow(name="telegram:42", delivered=812, waiting=2),
                ChannelRow(name="webhook:hooks.example.com", stopped_by="HTTP 410: the address is gone", refused=1),
            ),
            deliveries=(
                DeliveryRow(number=9, ts_ns=START_NS, channel="telegram:42", severity="critical",
                            title=f"listed {HOSTILE}", status="delivered", attempts=1),
                DeliveryRow(number=8, ts_ns=START_NS, channel="webhook:hooks.example.com", severity="warning",
                            title="feed stale", status="refused", attempts=1, error="HTTP 410"),
            ),
            held=7, lost=0, window_s=600,
        )  # fmt: skip

    def version(self) -> object:
        return self.marks

    def send_test(self, by: str) -> str:
        self.tests.append(by)
        return "a test message goes to 1 channel(s)"


class FakeRpc:
    """Three endpoints of two types; the latency moves."""

    is_editable = True

    def __init__(self) -> None:
        self.looks = itertools.count()
        self.is_away = False
        self.saved: list[tuple[EndpointInput, str]] = []
        self.calls: list[tuple[str, ...]] = []
        self.names = [("ETHEREUM_RPC", "my node", "database"), ("ETHEREUM_RPC", "eth.example.com", "environment"),
                      ("SOLANA_RPC", "backup", "database")]  # fmt: skip

    def pool(self) -> PoolView:
        look = next(self.looks)
        return PoolView(
            taken_ns=START_NS + 30 * HOUR_NS,
            endpoints=tuple(
                EndpointRow(
                    provider_type=kind, label=label, source=source, state=("ready", "cooling", "wrong_chain")[index],
                    breaker=("closed", "half_open", "open")[index], is_enabled=True, is_verified=index == 0,
                    is_suspect=index == 1, priority=100, weight=1.0, latency_ms=41.5 + look % 7, p99_ms=180.0,
                    p99_ms_minutes=(120.0, 180.0, None, 90.0, 130.0), error_pct=0.4 + 9 * index,
                    head=21_900_000 + look, head_lag=index * 3, head_lag_s=index * 36.0, budget_left_pct=88.0,
                    cool_down_s=12.0 * (index == 1), calls=18_204 + look, errors=71, rate_limited=4,
                    last_ok_ns=START_NS, last_error_ns=START_NS,
                    last_error=f"HTTP 429 {HOSTILE}" if index else "",
                )
                for index, (kind, label, source) in enumerate(self.names)
            ),
            exhausted=("SOLANA_RPC",), subscriptions=2,
        )  # fmt: skip

    def types(self) -> tuple[TypeRow, ...]:
        rows = [("ETHEREUM_RPC", "Ethereum RPC"), ("SOLANA_RPC", "Solana RPC"), ("BASE_RPC", "Base RPC")]
        return tuple(
            TypeRow(name=name, title=title, chain="", transport="http", variables=(f"{name}_URLS",))
            for name, title in rows
        )

    async def stored(self) -> tuple[tuple[StoredRow, ...], tuple[str, ...]]:
        if self.is_away:
            raise StoreError(AWAY)
        row = StoredRow(
            provider_type="ETHEREUM_RPC", label="my node", url="node.example.com/v2/{KEY}", priority=10, weight=1.0,
            rate_per_s=25.0, burst=50, is_enabled=True, version=4, updated_by="dashboard", secret="RPC_KEY_MY_NODE",
        )  # fmt: skip
        return (row,), ()

    async def save(self, given: EndpointInput, by: str) -> None:
        if "secretkey" in given.url:
            raise ConfigError("url: something in it may be a key, and keys are not stored here in plain")
        self.saved.append((given, by))

    async def switch(self, provider_type: str, label: str, *, is_enabled: bool, by: str) -> None:
        self.calls.append(("switch", provider_type, label, str(is_enabled)))

    async def delete(self, provider_type: str, label: str) -> None:
        self.calls.append(("delete", provider_type, label))

    async def check(self, provider_type: str, label: str) -> str:
        self.calls.append(("check", provider_type, label))
        return "" if label == "my node" else f"no answer {HOSTILE}"

    async def usage(self, *, since_ns: int, provider_type: str = "") -> tuple[UsageHour, ...]:
        if self.is_away:
            raise StoreError(AWAY)
        return tuple(
            UsageHour(hour_ns=START_NS // HOUR_NS * HOUR_NS + hour * HOUR_NS, calls=900 + 60 * (hour % 7),
                      errors=hour % 5, rate_limited=hour % 3, latency_mean_ms=44.2, latency_max_ms=912.0)
            for hour in range(24) if hour not in (9, 10)
        )  # fmt: skip


class FakeSecrets:
    """A store without a database. It keeps what it was given, so that a test can look for it elsewhere."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Secret, int]] = {}
        self.why_not = ""
        self.rotations = 0

    async def secrets(self) -> SecretsView:
        lines = [
            SecretLine(name="PRIVATE_KEY", title="EVM wallet", shape="64 hexadecimal digits", source="file",
                       required_by=("cex_dex_arb",), version=2, is_hidden=True, updated_ns=START_NS, used_ns=START_NS,
                       last_module="cex_dex_arb", address="0x52908400098527886E0F7030069857D2E4169EE7"),
            SecretLine(name="binance_api_key", title="Binance API key", shape="16 to 128 letters and digits",
                       required_by=("cex_dex_arb", "drift_funding_arb")),
            SecretLine(name="JITO_AUTH_UUID", title="Jito access", source="database", version=1,
                       problem="JITO_AUTH_UUID refused: it was rolled back"),
        ]  # fmt: skip
        lines += [
            SecretLine(name=name, source="database", version=version, updated_ns=START_NS)
            for name, (_, version) in self.kept.items()
        ]
        accesses = (
            AccessLine(ts_ns=START_NS, module="cex_dex_arb", name="PRIVATE_KEY", purpose=f"sign {HOSTILE}",
                       source="file", result="ok", is_first=True),
            AccessLine(ts_ns=START_NS, module="alerts", name="TELEGRAM_BOT_TOKEN", purpose="tell people", source="",
                       result="missing", is_first=False),
        )  # fmt: skip
        return SecretsView(
            lines=tuple(lines), accesses=accesses, master_id="m-1f0c", master_origin="file", is_master_generated=True,
            why_not=self.why_not,
        )  # fmt: skip

    async def put(self, name: str, secret: Secret, *, version: int, by: str) -> int:
        problem = shape_problem(name, secret)
        if problem:
            raise ConfigError(problem)
        self.kept[name] = (secret, version + 1)
        return version + 1

    async def delete(self, name: str, *, version: int, by: str) -> None:
        if self.kept.pop(name, None) is None:
            raise ConfigError(f"the database has no secret {name}")

    async def rotate_values(self, by: str) -> int:
        self.rotations += 1
        return len(self.kept)


class FakeSystem:
    """A healthy machine, but for its settings."""

    def __init__(self) -> None:
        self.looks = itertools.count()

    def now(self) -> SystemNow:
        look = next(self.looks)
        return SystemNow(
            uptime_s=86_400.0 + look, loop_p50_ms=0.08, loop_p99_ms=0.7 + look % 3,
            lag_points=tuple(None if index in (20, 21) else 0.5 + index % 7 for index in range(60)),
            bus_waiting=look % 4,
            seq=1_204_551 + look, events_per_s=37.4, database_state="up", database_error="", projector_lag=12,
            streams=2, resyncs=0, log_queued=0, log_dropped=3, log_trouble="", event_log_trouble="",
            memory_bytes=212_000_000, cpu_pct=14.0,
        )  # fmt: skip

    async def facts(self) -> SystemFacts:
        return SystemFacts(
            libraries=(Library(name="Python", version="3.11.9"), Library(name="uvloop", version="0.21.0")),
            code="0.1.0+1f0c", run="r0007", profile="demo", mode="DEMO", database_from="embedded Postgres",
            postgres="16.4", database_bytes=812_000_000,
            migrations=(MigrationRow(version=1, name="trading", state="applied"),
                        MigrationRow(version=2, name="market_and_performance", state="edited")),
            modules=(ModuleRow(name="cex_dex_arb", flag="CEX_DEX_ARB_MODULE_ENABLED", is_enabled=True,
                               state="running", missing=("PRIVATE_KEY",)),
                     ModuleRow(name="drift_funding_arb", flag="DRIFT_FUNDING_ARB_MODULE_ENABLED", is_enabled=False,
                               state="")),
            disks=(DiskRow(what="Event log", folder="/data/log", used_bytes=2_400_000_000, free_bytes=800_000_000,
                           total_bytes=100_000_000_000),),
            environment=("CEX_DEX_ARB_MODULE_ENABLED", "DATABASE_URL"),
            warnings=("SOLANA_MODULE_ENABLED is set, but that older module is not in this version",),
            settings_problems=(("risk", f"max_open_orders: expected a number, found {HOSTILE}"),),
            cautions=("database_catching_up",),
        )  # fmt: skip
