"""The alerts page's source: the table, and the channels at work."""

import msgspec

from bus.clock import NS_PER_S, Clock
from kernel.alerts.notice import Notice
from kernel.compose.alerts import Alerts
from kernel.errors import ConfigError, StoreError
from persistence import alert_table
from persistence.alert_table import AlertQuery
from persistence.postgres import Database
from webui.ops_source import AlertAsk, AlertItem, AlertMark, AlertSlice, ChannelRow, ChannelsView, DeliveryRow

DELIVERIES_SHOWN = 50
SETTLE_NS = 3 * NS_PER_S  #: after a notice the list is fetched once more: the projector writes rows a moment later
NO_DATABASE = "this run has no database, so alerts are on the overview and in the log alone"


class AlertDesk:
    """Implements `webui.ops_source.AlertsSource`. `alerts` None: channels do not run."""

    def __init__(self, alerts: Alerts | None, database: Database | None, clock: Clock) -> None:
        """`clock`: wall time."""
        self._alerts = alerts
        self._database = database
        self._clock = clock
        self._marks = 0
        self._latest: object = None
        self._latest_ns = 0

    async def alerts(self, ask: AlertAsk) -> AlertSlice:
        found = await alert_table.alerts(
            self._store(),
            AlertQuery(
                before_key=ask.before_key, limit=ask.limit, module=ask.module, severity=ask.severity,
                status=ask.status, code=ask.code,
            ),
        )  # fmt: skip
        rows = tuple(
            AlertItem(
                id=row.id, key=row.key, run_id=row.run_id, seq=row.seq, ts_ns=row.ts_ns, module=row.module,
                severity=row.severity, code=row.code, message=row.message, status=row.status,
                marks=tuple(msgspec.convert(each, AlertMark, from_attributes=True) for each in row.marks),
            )
            for row in found.rows
        )  # fmt: skip
        return AlertSlice(rows=rows, next_key=found.next_key, modules=found.modules)

    async def counts(self) -> dict[tuple[str, str], int]:
        return await alert_table.counts(self._store())

    async def mark(self, ids: tuple[str, ...], status: str, *, by: str, note: str) -> int:
        do = alert_table.acknowledge if status == "acknowledged" else alert_table.resolve
        changed = await do(self._store(), ids, by=by, ts_ns=self._clock.now_ns(), note=note)
        self._marks += 1
        return changed

    def channels(self) -> ChannelsView:
        if self._alerts is None:
            return ChannelsView(why_off="Channels do not run in this process.")
        alerting, settings = self._alerts.alerting, self._alerts.settings
        totals = alerting.deliveries.totals
        rows = tuple(
            ChannelRow(
                name=lane.channel.name,
                stopped_by=lane.stopped_by,
                waiting=lane.queue.waiting,
                dropped=lane.queue.dropped,
                delivered=totals.get((lane.channel.name, "delivered"), 0),
                refused=totals.get((lane.channel.name, "refused"), 0),
                given_up=totals.get((lane.channel.name, "given up"), 0),
            )
            for lane in alerting.lanes
        )
        why = "" if settings.enabled else "Alerts are switched off: settings, group alerts, Alerts."
        if settings.enabled and not rows:
            why = "Set up Telegram or a webhook in the settings, group alerts, and their secrets on the secrets page."
        return ChannelsView(
            is_on=settings.enabled and bool(rows),
            why_off=why,
            channels=rows,
            deliveries=tuple(
                msgspec.convert(each, DeliveryRow, from_attributes=True)
                for each in alerting.deliveries.newest(DELIVERIES_SHOWN)
            ),
            held=alerting.held,
            lost=alerting.lost,
            window_s=settings.dedup_window_s,
        )

    def version(self) -> object:
        if self._alerts is None:
            return self._marks
        alerting = self._alerts.alerting
        latest = (alerting.recent[-1].seq, len(alerting.recent)) if alerting.recent else None
        now_ns = self._clock.now_ns()
        if latest != self._latest:
            self._latest, self._latest_ns = latest, now_ns
        newest = alerting.deliveries.newest(1)
        told = [(each.number, each.status, each.attempts) for each in newest]
        lanes = [(lane.channel.name, lane.stopped_by, lane.queue.waiting) for lane in alerting.lanes]
        return (latest, now_ns - self._latest_ns > SETTLE_NS, self._marks, told, lanes, alerting.held)

    def send_test(self, by: str) -> str:
        view = self.channels()
        if self._alerts is None or not view.is_on:
            raise ConfigError(view.why_off)
        self._alerts.alerting.tell(
            Notice(
                severity="critical",  # so that quiet hours, digests and least severities hold it up nowhere
                source="dashboard",
                code="test",
                text=f"This is a test, sent by {by}. Nothing is wrong.",
                seq=0,
                ts_ns=self._clock.now_ns(),
                is_always_told=True,
            )
        )
        count = sum(not each.stopped_by for each in view.channels)
        return f"a test message goes to {count} channel(s); what became of it is in the list of latest messages"

    def _store(self) -> Database:
        if self._database is None:
            raise StoreError(NO_DATABASE)
        return self._database
