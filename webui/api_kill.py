"""/kill: the stop of everything. Works without the database; setting it is never rate limited."""

from typing import Annotated

from msgspec import Meta, Struct

from webui.api_error import ApiRefusal
from webui.api_operation import Call, Operation
from webui.roles import Role
from webui.snapshot import KillSwitch
from webui.source import DashboardSource

REASON_MAX = 200
#: No control characters, and somewhere three characters in a row that are no space: a reason of blanks is none.
REASON_PATTERN = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f-\xa0]{3}[^\x00-\x1f\x7f]*$"
Reason = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=REASON_MAX,
        pattern=REASON_PATTERN,
        description="Why, for the log: one line, with a word of three characters or more.",
    ),
]


class KillBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why everything is to stop."""

    reason: Reason


class LiftQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is lifted; in the query, as DELETE has no body."""

    reason: Reason


def reason_of(given: str) -> str:
    """On one line. Raises 422 for one of exotic spaces alone, which the pattern lets pass."""
    reason = " ".join(given.split())
    if not reason:
        raise ApiRefusal("invalid", "reason: expected a word, found spaces", field="reason")
    return reason


class KillApi:
    """Its operations."""

    def __init__(self, source: DashboardSource) -> None:
        self._source = source

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (
            Operation(
                method="GET", path="/kill", name="getKill", group="Kill switch", handler=self.show,
                summary="Whether everything is stopped, why and by whom.", response=KillSwitch,
            ),
            Operation(
                method="POST", path="/kill", name="setKill", group="Kill switch", handler=self.set,
                summary="Stop everything: nothing passes the gate, open orders are cancelled, positions stay.",
                role=Role.OPERATOR, body=KillBody, response=KillSwitch, errors=("invalid",),
                example='{"reason": "odd fills on binance"}',
            ),
            Operation(
                method="DELETE", path="/kill", name="liftKill", group="Kill switch", handler=self.lift,
                summary="Lift the stop. Strategies go on as they were.", role=Role.OPERATOR, query=LiftQuery,
                response=KillSwitch, errors=("invalid",), example="reason=fills+explained",
            ),
        )  # fmt: skip

    async def show(self, call: Call) -> KillSwitch:
        return self._source.overview().kill

    async def set(self, call: Call) -> KillSwitch:
        self._source.kill(reason_of(call.body.reason), call.who)
        return self._source.overview().kill

    async def lift(self, call: Call) -> KillSwitch:
        self._source.reset_kill(reason_of(call.query.reason), call.who)
        return self._source.overview().kill
