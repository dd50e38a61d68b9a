"""/overview, /version, /session and /openapi.json: the kernel at a glance, who asks, and what can be asked."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from kernel import __version__
from webui.api_operation import Call, Operation
from webui.snapshot import Overview
from webui.source import DashboardSource

API_VERSION = "1"


class Version(Struct, frozen=True, kw_only=True):
    """`api` changes when something would break a client; new fields and operations may come at any time."""

    api: str
    kernel: str
    run_id: str
    mode: str


class SessionInfo(Struct, frozen=True, kw_only=True):
    """Who asks. role: viewer, operator or admin. `csrf`: what a session's unsafe requests must send as `X-CSRF-Token`;
    null for an API token, which needs none. `is_fresh`: the password was entered again lately."""

    user: str
    role: str
    is_token: bool
    is_fresh: bool
    csrf: str | None


class KernelApi:
    """Its operations."""

    def __init__(self, source: DashboardSource, document: Callable[[], dict[str, Any]]) -> None:
        self._source = source
        self._document = document

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        group = "Kernel"
        return (
            Operation(
                method="GET", path="/version", name="getVersion", group=group, handler=self.version,
                summary="Versions of API and kernel, and the run.", response=Version,
            ),
            Operation(
                method="GET", path="/session", name="getSession", group=group, handler=self.session,
                summary="Who asks, and with which role.", response=SessionInfo,
            ),
            Operation(
                method="GET", path="/overview", name="getOverview", group=group, handler=self.overview,
                summary="The whole kernel at a glance: equity, P&L, kill switch, database, feeds, alerts, balances.",
                response=Overview,
            ),
            Operation(
                method="GET", path="/openapi.json", name="getOpenApi", group=group, handler=self.openapi,
                summary="This interface as an OpenAPI 3.1 document.", response=dict[str, Any],
            ),
        )  # fmt: skip

    async def version(self, call: Call) -> Version:
        seen = self._source.overview()
        return Version(api=API_VERSION, kernel=__version__, run_id=seen.run_id, mode=seen.mode)

    async def session(self, call: Call) -> SessionInfo:
        session = call.request.scope["session"]
        return SessionInfo(
            user=session.user,
            role=session.role.label,
            is_token=session.is_bearer,
            is_fresh=session.is_fresh,
            csrf=None if session.is_bearer else session.csrf,
        )

    async def overview(self, call: Call) -> Overview:
        return self._source.overview()

    async def openapi(self, call: Call) -> dict[str, Any]:
        return self._document()
