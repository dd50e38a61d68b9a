"""Wires alerts: bus to channels, Telegram's listener, webhooks. Settings may be replaced while it runs.

Everything here may be missing, wrong or down without harm to trading; what is wrong becomes an alert on the page.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable

import aiohttp

from adapters.rpc.address_guard import AddressGuard
from adapters.rpc.session import guarded_session
from adapters.telegram.api import BASE_URL, BotApi
from adapters.telegram.challenge import Challenges
from adapters.telegram.channel import TelegramChannel
from adapters.telegram.commands import CommandDesk
from adapters.telegram.listener import TelegramListener
from adapters.telegram.pace import Pace
from adapters.telegram.progress import Progress
from adapters.telegram.totp import Totp
from adapters.webhook.channel import WebhookChannel
from bus.clock import Clock, WallClock
from kernel.alerts.alert_settings import SECRET_PREFIX, AlertSettings
from kernel.alerts.alerting import Alerting
from kernel.alerts.channel import Channel
from kernel.alerts.route import Route
from kernel.compose.dashboard import Dashboard
from kernel.compose.live import KernelProcess
from kernel.compose.operator import KernelOperator, Reload
from kernel.errors import ConfigError, KernelError
from kernel.secrets.redaction import redact
from kernel.secrets.secret import Secret

TOKEN, TOTP, SIGNING_KEY = "TELEGRAM_BOT_TOKEN", "TELEGRAM_TOTP_SECRET", "WEBHOOK_SIGNING_KEY"
PROGRESS_FILE = "telegram.json"
RETRY_S = 30.0  #: after which secrets that could not be read are asked for again

FindSecret = Callable[[str], Awaitable[Secret | None]]
BotSessions = Callable[[], aiohttp.ClientSession]


def bot_session() -> aiohttp.ClientSession:
    """A session for the Bot API, to public addresses alone."""
    return guarded_session(AddressGuard(are_private_allowed=False))


class Alerts:
    """`start`, `apply` as often as settings or secrets change, `stop`."""

    def __init__(
        self,
        process: KernelProcess,
        dashboard: Dashboard,
        settings: AlertSettings,
        find_secret: FindSecret,
        *,
        reload: Reload | None = None,
        bot_sessions: BotSessions = bot_session,
        telegram_url: str = BASE_URL,
        clock: Clock | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        """`find_secret(name)`: the secret of this name, None when there is none. `clock`: wall time."""
        self.settings = settings
        self._process = process
        self._clock = clock if clock is not None else WallClock()
        self._find_secret = find_secret
        self._bot_sessions = bot_sessions
        self._telegram_url = telegram_url
        self.operator = KernelOperator(process, dashboard, lambda: self.alerting.recent, reload)
        self.alerting = Alerting(
            process.core.bus, self._clock, settings, tell_kernel=self._tell, summary=self.operator.summary
        )
        self.listener: TelegramListener | None = None
        self._listening: asyncio.Task[None] | None = None
        self._api: BotApi | None = None
        self._token = self._totp = Secret("")
        self._pace = Pace()
        self._channels: dict[str, Channel] = {}  #: by what they were made of
        self._known: dict[str, Secret | None] = {}  #: what the store said last
        self._is_secret_missed = False
        self._retry_s = retry_s
        self._retrying: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._is_running = False

    async def start(self) -> None:
        """Listen, and open the channels of the settings. Raises nothing that settings or the network can cause."""
        self._is_running = True
        await self.alerting.start()
        await self.apply(self.settings)

    async def apply(self, settings: AlertSettings) -> None:
        """New settings or changed secrets, in place. A channel that had stopped is tried again."""
        async with self._lock:
            self.settings = settings
            self.alerting.apply(settings)
            if not self._is_running:
                return
            old_api = await self._take_token(settings)
            wanted = [*self._telegram_channels(settings), *(await self._webhook_channels(settings))]
            stopped = {lane.channel.name for lane in self.alerting.lanes if lane.stopped_by}
            kept: dict[str, Channel] = {}
            used: list[tuple[Channel, Route]] = []
            for key, channel, route in wanted:
                old = self._channels.get(key)
                kept[key] = channel if old is None or old.name in stopped else old
                used.append((kept[key], route))
            before, self._channels = self._channels, kept
            await self.alerting.use(used)
            for old in before.values():
                if isinstance(old, WebhookChannel) and old not in kept.values():
                    await old.close()
            if old_api is not None:  # only now: a channel that still used it would open it again
                await old_api.close()
            await self._listen(settings)
            self._plan_retry()

    def _plan_retry(self) -> None:
        """Ask again for secrets that could not be read."""
        if self._is_secret_missed and self._retrying is None:
            self._is_secret_missed = False
            self._retrying = asyncio.create_task(self._retry(), name="alerts-secrets")

    async def _retry(self) -> None:
        await asyncio.sleep(self._retry_s)
        self._retrying = None
        await self.apply(self.settings)

    async def stop(self) -> None:
        """Let critical notices out (two seconds at most), then close everything. Idempotent."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
        async with self._lock:
            self._is_running = False
            await self._end_listener()
            await self.alerting.stop()
            for each in self._channels.values():
                if isinstance(each, WebhookChannel):
                    await each.close()
            self._channels = {}
            if self._api is not None:
                await self._api.close()

    # parts ----------------------------------------------------------------------------------------------------------

    def _tell(self, severity: str, code: str, text: str) -> None:
        if self._is_running:
            self._process.alert(severity, code, redact(text))

    async def _secret(self, name: str) -> Secret | None:
        """While the store cannot answer: what it said last, or None; it is asked again, and an alert says so."""
        try:
            found = await self._find_secret(name)
        except KernelError as error:
            self._is_secret_missed = True
            self._tell("warning", "alerts_secret", f"{name} could not be read, trying again: {error}")
            return self._known.get(name)
        self._known[name] = found
        return found

    async def _take_token(self, settings: AlertSettings) -> BotApi | None:
        """Make the Bot API for the token of now. Returns the one before, to be closed, if it is another."""
        token = await self._secret(TOKEN) if settings.telegram_enabled else None
        totp = await self._secret(TOTP) if settings.telegram_enabled else None
        if token is None and settings.telegram_enabled:
            self._tell("warning", "alerts_configuration", f"Telegram is on, but there is no secret {TOKEN}")
        new, code = token or Secret(""), totp or Secret("")
        is_same = new == self._token
        is_ended = self.listener is not None and bool(self.listener.stopped_by)
        if not is_same or is_ended or code != self._totp:
            await self._end_listener()
        old, self._token, self._totp = self._api, new, code
        if token is None:
            self._api = None
            return old
        if is_same and old is not None:
            return None
        self._api = None
        try:
            self._api = BotApi(token, self._bot_sessions, base_url=self._telegram_url)
        except ConfigError as error:
            self._tell("warning", "alerts_configuration", str(error))
        return old

    def _telegram_channels(self, settings: AlertSettings) -> list[tuple[str, Channel, Route]]:
        if self._api is None or not settings.telegram_enabled:
            return []
        route = settings.telegram_route()
        key = _digest(self._token.reveal())
        api, pace = self._api, self._pace
        return [(f"telegram {each} {key}", TelegramChannel(api, each, pace), route) for each in settings.chat_ids]

    async def _webhook_channels(self, settings: AlertSettings) -> list[tuple[str, Channel, Route]]:
        if not settings.webhook_enabled:
            return []
        signing = await self._secret(SIGNING_KEY)
        found: list[tuple[str, Channel, Route]] = []
        for number, text in enumerate(settings.urls, start=1):
            name = text.removeprefix(SECRET_PREFIX)
            url = await self._secret(name) if name != text else Secret(text)
            if url is None:
                self._tell("warning", "alerts_configuration", f"webhook {number}: there is no secret {name}")
                continue
            try:
                channel = WebhookChannel(
                    url,
                    self._clock,
                    number=number,
                    style=settings.webhook_style,
                    signing_key=signing,
                    is_private_allowed=settings.webhook_private_enabled,
                )
            except ConfigError as error:
                self._tell("warning", "alerts_configuration", f"webhook {number}: {error}")
                continue
            made_of = (url.reveal(), settings.webhook_style, signing.reveal() if signing else "")
            flag = settings.webhook_private_enabled
            found.append((f"webhook {number} {flag} {_digest(*made_of)}", channel, settings.webhook_route()))
        return found

    # commands -------------------------------------------------------------------------------------------------------

    async def _listen(self, settings: AlertSettings) -> None:
        """Begin or end the long poll as the settings say; the desk itself reads them anew for each command."""
        is_wanted = settings.telegram_enabled and settings.commands_enabled and self._api is not None
        if not is_wanted:
            await self._end_listener()
            return
        if self._listening is not None or self._api is None:
            return
        progress = Progress(self._process.data / PROGRESS_FILE, self._clock)
        self.listener = TelegramListener(self._api, self._desk(progress), self._pace, progress, self._tell)
        self._listening = asyncio.create_task(self.listener.run(), name="telegram-listener")
        self._listening.add_done_callback(self._on_listener_done)

    def _desk(self, progress: Progress) -> CommandDesk:
        challenges: Challenges | None = None
        if self._totp:
            try:
                challenges = Challenges(Totp(self._totp, progress.totp_step), self._clock)
            except ConfigError as error:
                self._tell("warning", "alerts_configuration", str(error))

        def keep(step: int) -> None:
            progress.totp_step = step
            progress.save()

        return CommandDesk(
            self.operator,
            lambda: self.settings,
            self._clock,
            challenges=challenges,
            keep_step=keep,
            tell=self._tell,
        )

    def _on_listener_done(self, task: "asyncio.Task[None]") -> None:
        """By its own word it has told already; by a bug of ours nobody has."""
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            self._tell("critical", "telegram_failed", f"no commands any more: {type(error).__name__}: {error}")

    async def _end_listener(self) -> None:
        task, self._listening, self.listener = self._listening, None, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(task, return_exceptions=True)


def _digest(*values: str) -> str:
    """Tells secrets apart without keeping them."""
    return hashlib.sha256("\0".join(values).encode()).hexdigest()
