"""Settings of the dashboard: how long sessions last, how many streams, how often. All may change while it runs."""

from typing import Annotated

from msgspec import Meta

from kernel.strategy import Settings


def _meta(title: str, unit: str, group: str, recommended: int, description: str) -> Meta:
    return Meta(title=title, description=description, extra={"unit": unit, "group": group, "recommended": recommended})


class DashboardSettings(Settings, frozen=True, kw_only=True):
    """`[web]` settings. Limits that protect the kernel itself (connections, body sizes) are constants, not settings."""

    session_idle_min: Annotated[
        int,
        Meta(ge=5, le=7 * 1440),
        _meta("Idle time", "min", "Sessions", 720, "A session without a request or open page for so long ends."),
    ] = 720
    session_absolute_min: Annotated[
        int,
        Meta(ge=5, le=30 * 1440),
        _meta("Longest session", "min", "Sessions", 7 * 1440, "Every session ends after this, used or not."),
    ] = 7 * 1440
    reauth_min: Annotated[
        int,
        Meta(ge=1, le=60),
        _meta("Proof lasts", "min", "Sessions", 5, "Secrets, users and live switch ask for the password again after."),
    ] = 5
    streams_max: Annotated[
        int,
        Meta(ge=1, le=200),
        _meta("Open pages", "pages", "Load", 20, "Live pages at once, of all users; one more is refused kindly."),
    ] = 20
    frames_per_s: Annotated[
        int,
        Meta(ge=1, le=10),
        _meta("Frames", "1/s", "Load", 4, "How often open pages are told what changed."),
    ] = 4
    actions_per_min: Annotated[
        int,
        Meta(ge=1, le=6_000),
        _meta("Actions", "1/min", "Rates", 60, "Of one session, after the burst. Stopping is never limited."),
    ] = 60
    actions_burst: Annotated[
        int, Meta(ge=1, le=1_000), _meta("Actions at once", "actions", "Rates", 30, "Before the rate applies.")
    ] = 30
    reads_per_min: Annotated[
        int,
        Meta(ge=10, le=600_000),
        _meta("Reads", "1/min", "Rates", 1_200, "Pages, data and API answers of one session or API token."),
    ] = 1_200
    reads_burst: Annotated[
        int, Meta(ge=10, le=60_000), _meta("Reads at once", "requests", "Rates", 400, "Before the rate applies.")
    ] = 400
