"""Whether the kernel may trade now, as reason codes for probes: nothing in them tells more than that."""

from msgspec import Struct

STARTING = "starting"
FAILED = "kernel_failed"
RECOVERING = "recovering"
EVENT_LOG = "event_log_unwritable"
STOPPING = "stopping"
LOGS = "logs_unwritable"
LOG_WRITER = "log_writer_ended"
DATABASE = "database_degraded"
CATCHING_UP = "database_catching_up"
KILLED = "kill_switch_on"


class Readiness(Struct, frozen=True, kw_only=True):
    """`reasons` hinder, `warnings` do not. Both are codes of this file."""

    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Nothing hinders."""
        return not self.reasons
