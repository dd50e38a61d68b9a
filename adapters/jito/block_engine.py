"""The block engine's JSON-RPC: bundles out, receipts and hints back, all within its one request a second.

What it says of a bundle is a hint. A bundle has landed when our own node shows all its signatures (`bundle_state.py`).
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from adapters.jito.bundle_answers import (
    BUNDLES_ASKED_MAX,
    BundleStatus,
    Envelope,
    InflightStatus,
    read_bundle_id,
    read_bundle_statuses,
    read_inflight_statuses,
    read_tip_accounts,
)
from adapters.jito.request_budget import RequestBudget
from bus.clock import NS_PER_S
from bus.ids import draw
from kernel.errors import BadInput
from kernel.rpc.caller import RpcCaller
from kernel.rpc.rpc_errors import RpcRefused, RpcUnavailable
from kernel.secrets.secret import Secret

PROVIDER = "JITO_BLOCK_ENGINE"
BUNDLES_PATH = "/api/v1/bundles"
TRANSACTIONS_MAX = 5
TIP_ACCOUNTS_S = 3_600.0  #: they have not changed in years; asked again every hour
PAUSE_S_DEFAULT = 2.0  #: after a 429 that names no time
RATE_LIMITED = (429, -32097)
TIMEOUT_S = 5.0

T = TypeVar("T")


class BlockEngine:
    """One region. `uuid`: access with a key of one's own. `seed` decides which tip account an order uses."""

    def __init__(
        self,
        rpc: RpcCaller,
        budget: RequestBudget,
        now_ns: Callable[[], int],
        *,
        seed: int,
        uuid: Secret | None = None,
    ) -> None:
        self._rpc = rpc
        self._budget = budget
        self._now_ns = now_ns
        self._seed = seed
        self._uuid = uuid
        self._tip_accounts: tuple[str, ...] = ()
        self._tip_accounts_ns = 0

    async def send_bundle(self, transactions: Sequence[bytes]) -> str:
        """Offer signed transactions, all or nothing, in this order; returns the receipt. Raises as `RpcCaller.call`."""
        if not 1 <= len(transactions) <= TRANSACTIONS_MAX:
            raise BadInput(f"bundle: expected 1 to {TRANSACTIONS_MAX} transactions, found {len(transactions)}")
        encoded = [b64encode(each).decode() for each in transactions]
        # Without the option the engine reads base58. The same signed bytes may be offered again: they land once.
        params = [encoded, {"encoding": "base64"}]
        return read_bundle_id(await self._call("sendBundle", params, str, BUNDLES_PATH, is_urgent=True))

    async def bundle_statuses(self, bundle_ids: Sequence[str]) -> list[BundleStatus | None]:
        """What it says of at most five bundles of the last 300 slots or so."""
        ids = list(bundle_ids[:BUNDLES_ASKED_MAX])
        answer = await self._call("getBundleStatuses", [ids], Envelope | None, "/api/v1/getBundleStatuses")
        return read_bundle_statuses(answer or Envelope())

    async def inflight_statuses(self, bundle_ids: Sequence[str]) -> list[InflightStatus]:
        """What it says of at most five bundles of the last five minutes."""
        ids = list(bundle_ids[:BUNDLES_ASKED_MAX])
        answer = await self._call(
            "getInflightBundleStatuses", [ids], Envelope | None, "/api/v1/getInflightBundleStatuses"
        )
        return read_inflight_statuses(answer or Envelope())

    async def tip_accounts(self) -> tuple[str, ...]:
        """From memory for an hour; then asked again, and kept where that fails."""
        now_ns = self._now_ns()
        if not self._tip_accounts or now_ns - self._tip_accounts_ns > TIP_ACCOUNTS_S * NS_PER_S:
            try:
                found = await self._call("getTipAccounts", [], list[str], "/api/v1/getTipAccounts", is_urgent=True)
                self._tip_accounts, self._tip_accounts_ns = read_tip_accounts(found), now_ns
            except (RpcUnavailable, RpcRefused):
                if not self._tip_accounts:
                    raise
        return self._tip_accounts

    async def tip_account(self, order_id: str) -> str:
        """One of them, drawn by seed and order, so that tips spread and a replay draws the same."""
        accounts = await self.tip_accounts()
        return accounts[int(draw(self._seed, "tip_account", order_id) * len(accounts))]

    async def _call(self, method: str, params: list[Any], kind: Any, path: str, *, is_urgent: bool = False) -> Any:
        await self._budget.turn(is_urgent=is_urgent)
        try:
            return await self._rpc.call(
                PROVIDER, method, params, result=kind, path=path, timeout_s=TIMEOUT_S, hedge_after_ms=0,
                headers=self._headers,
            )  # fmt: skip
        except RpcUnavailable as error:
            if error.retry_after_s:
                self._budget.pause(error.retry_after_s)
            raise
        except RpcRefused as error:
            if error.code in RATE_LIMITED:
                self._budget.pause(PAUSE_S_DEFAULT)
            raise

    def _headers(self, body: bytes) -> Mapping[str, str]:
        return {} if self._uuid is None else {"x-jito-auth": self._uuid.reveal()}
