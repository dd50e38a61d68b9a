"""Limits of replays that are started from a page, so that they never cost trading anything."""

from typing import Annotated

from msgspec import Meta

from kernel.strategy import Settings


def _meta(title: str, unit: str, description: str) -> Meta:
    return Meta(title=title, description=description, extra={"unit": unit, "group": "Replays"})


class ReplaySettings(Settings, frozen=True, kw_only=True):
    """How many replays run beside trading, and how much each may take. Changes hold for jobs that start later."""

    at_once: Annotated[
        int,
        Meta(ge=1, le=4),
        _meta("At once", "jobs", "Replays that run at the same time, each in a process of its own at low priority."),
    ] = 1
    time_limit_s: Annotated[
        int, Meta(ge=10, le=86_400), _meta("Time limit", "s", "A job that takes longer is ended and called failed.")
    ] = 3_600
    memory_mb: Annotated[
        int,
        Meta(ge=256, le=65_536),
        _meta("Memory limit", "MB", "Address space of a job's process; one that needs more fails, and nothing else."),
    ] = 2_048
    keep: Annotated[
        int, Meta(ge=1, le=500), _meta("Kept", "jobs", "Finished jobs that are kept; the oldest are deleted first.")
    ] = 100
