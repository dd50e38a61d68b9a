"""Who is told what, where and when. Replaced as a whole while running; tokens and keys are secrets and not here."""

import re
from typing import Annotated

from msgspec import Meta

from kernel.alerts.notice import Severity
from kernel.alerts.route import Route
from kernel.rpc.rpc_url import carries_key
from kernel.strategy import Settings

SECRET_PREFIX = "secret:"
DESTINATIONS_MAX = 10  #: chats, users or URLs in a list
IDS = r"^\s*(-?[0-9]{1,18}([\s,]+-?[0-9]{1,18}){0,9})?\s*$"
URLS = r"^\s*(\S{1,500}(\s+\S{1,500}){0,9})?\s*$"
Hour = Annotated[int, Meta(ge=0, le=23)]


def _meta(title: str, unit: str, group: str, recommended: object, description: str) -> Meta:
    return Meta(
        title=title, description=description, extra={"unit": unit, "group": group, "recommended": str(recommended)}
    )


class AlertSettings(Settings, frozen=True, kw_only=True):
    """Alerts, Telegram and webhooks."""

    enabled: Annotated[
        bool, _meta("Alerts", "", "General", True, "Tell anything at all outside the page. The page shows all alerts.")
    ] = True
    dedup_window_s: Annotated[
        int,
        Meta(ge=0, le=86_400),
        _meta("Repeat window", "s", "General", 600, "The same source and code is told once in it, then as a count."),
    ] = 600
    digest_minutes: Annotated[
        int,
        Meta(ge=0, le=1_440),
        _meta("Digest", "min", "General", 15, "Info notices are gathered and told this often; 0 tells each at once."),
    ] = 15
    messages_per_minute: Annotated[
        int,
        Meta(ge=1, le=60),
        _meta("Rate", "messages/min", "General", 10, "At most this many messages to one chat or URL in a minute."),
    ] = 10
    attempts_max: Annotated[
        int,
        Meta(ge=1, le=20),
        _meta(
            "Attempts",
            "attempts",
            "General",
            5,
            "Tries before a message is given up; a critical one never is.",
        ),
    ] = 5
    fills_enabled: Annotated[bool, _meta("Fills", "", "General", False, "Tell every fill as an info notice.")] = False
    quiet_from_hour: Annotated[
        Hour, _meta("Quiet from", "h UTC", "Quiet hours", 0, "From this hour on only critical notices are told.")
    ] = 0
    quiet_to_hour: Annotated[
        Hour, _meta("Quiet to", "h UTC", "Quiet hours", 0, "Until this hour. The same hour twice: never quiet.")
    ] = 0
    daily_enabled: Annotated[
        bool, _meta("Daily summary", "", "Daily summary", True, "Tell once a day what was earned, after all costs.")
    ] = True
    daily_hour: Annotated[
        Hour, _meta("Daily summary at", "h UTC", "Daily summary", 7, "The hour at which it is told.")
    ] = 7
    telegram_enabled: Annotated[
        bool, _meta("Telegram", "", "Telegram", True, "Send to Telegram. Needs the secret TELEGRAM_BOT_TOKEN.")
    ] = False
    telegram_chat_ids: Annotated[
        str,
        Meta(pattern=IDS),
        _meta("Chats", "ids", "Telegram", "", "Ids of the chats that are told and may ask; numbers, with spaces."),
    ] = ""
    telegram_user_ids: Annotated[
        str,
        Meta(pattern=IDS),
        _meta("Users", "ids", "Telegram", "", "Ids of the people whose commands count, in one of these chats only."),
    ] = ""
    telegram_severity_min: Annotated[
        Severity, _meta("From severity", "", "Telegram", "warning", "What is less grave is not sent to Telegram.")
    ] = "warning"
    commands_enabled: Annotated[
        bool, _meta("Questions", "", "Telegram", True, "Answer /status, /profit and other questions in Telegram.")
    ] = False
    control_enabled: Annotated[
        bool,
        _meta(
            "Control",
            "",
            "Telegram",
            False,
            "Take /kill, /pause and the like in Telegram. Each needs a code of your authenticator"
            " (secret TELEGRAM_TOTP_SECRET). Needs Questions and Users.",
        ),
    ] = False
    webhook_enabled: Annotated[bool, _meta("Webhooks", "", "Webhooks", False, "Send to the URLs below.")] = False
    webhook_urls: Annotated[
        str,
        Meta(pattern=URLS),
        _meta(
            "URLs",
            "",
            "Webhooks",
            "secret:ALERT_WEBHOOK_URL",
            "Where to send, with spaces between. Write secret:NAME for an address that is itself a secret"
            " (Slack, Discord).",
        ),
    ] = ""
    webhook_style: Annotated[
        str,
        Meta(pattern="^(json|slack|discord)$"),
        _meta("Body", "", "Webhooks", "json", "json (all fields, signed), slack or discord."),
    ] = "json"
    webhook_severity_min: Annotated[
        Severity, _meta("From severity", "", "Webhooks", "warning", "What is less grave is not sent to webhooks.")
    ] = "warning"
    webhook_private_enabled: Annotated[
        bool,
        _meta("Private addresses", "", "Webhooks", False, "Allow URLs on this machine or in the local network."),
    ] = False

    def __post_init__(self) -> None:
        if self.commands_enabled and not (self.chat_ids and self.user_ids):
            raise ValueError(
                "commands_enabled: expected at least one of telegram_chat_ids and of telegram_user_ids too"
            )
        for number, url in enumerate(self.urls, start=1):
            if not url.startswith(SECRET_PREFIX) and _holds_key(url):
                raise ValueError(
                    f"webhook_urls: address {number} looks as if it held a key, and settings stand in the log; store it"
                    " by `kernel secrets set ALERT_WEBHOOK_URL` and write secret:ALERT_WEBHOOK_URL here"
                )
        if self.control_enabled and not self.commands_enabled:
            raise ValueError("control_enabled: expected commands_enabled as well")

    @property
    def chat_ids(self) -> tuple[int, ...]:
        """The allowed chats, in order, each once."""
        return _ids(self.telegram_chat_ids)

    @property
    def user_ids(self) -> tuple[int, ...]:
        """The allowed people."""
        return _ids(self.telegram_user_ids)

    @property
    def urls(self) -> tuple[str, ...]:
        """The webhooks' addresses, `secret:NAME` not resolved, each once."""
        return tuple(dict.fromkeys(self.webhook_urls.split()))

    def telegram_route(self) -> Route:
        """How a chat is fed."""
        return self._route(self.telegram_severity_min)

    def webhook_route(self) -> Route:
        """How a URL is fed."""
        return self._route(self.webhook_severity_min)

    def _route(self, severity_min: Severity) -> Route:
        return Route(
            severity_min=severity_min,
            messages_per_minute=self.messages_per_minute,
            digest_minutes=self.digest_minutes,
            quiet_from_hour=self.quiet_from_hour,
            quiet_to_hour=self.quiet_to_hour,
            has_daily=self.daily_enabled,
            attempts_max=self.attempts_max,
        )


def _holds_key(url: str) -> bool:
    try:
        return carries_key(url)
    except ValueError:
        return False  # no URL at all, which is told when it is opened


def _ids(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(each) for each in re.split(r"[\s,]+", text) if each))
