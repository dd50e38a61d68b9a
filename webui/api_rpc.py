"""/rpc: the endpoints as they are now. No URL and no key is in it."""

from collections.abc import Callable

from adapters.rpc.snapshot import PoolSnapshot
from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled


class RpcApi:
    """Its operations."""

    def __init__(self, look: Callable[[], PoolSnapshot] | None) -> None:
        self._look = look

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (
            Operation(
                method="GET", path="/rpc/endpoints", name="listRpcEndpoints", group="RPC", handler=self.show,
                summary="Every endpoint: state, latency, height, errors, budget.", response=PoolSnapshot,
                errors=("not_enabled",),
            ),
        )  # fmt: skip

    async def show(self, call: Call) -> PoolSnapshot:
        if self._look is None:
            raise not_enabled("rpc")
        return self._look()
