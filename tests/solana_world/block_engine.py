"""The block engine behind its interface: takes bundles into the auction and tells what became of them."""

import hashlib
from collections import deque
from datetime import UTC, datetime
from typing import Any

from solders.transaction import VersionedTransaction

from tests.solana_world.fees import budget_of
from tests.solana_world.mempool import Bundle
from tests.solana_world.resolved_message import Refused
from tests.solana_world.rpc_error import RpcError
from tests.solana_world.tip_accounts import TIP_LAMPORTS_MIN, locks_tip_account, open_tip_accounts, tip_of
from tests.solana_world.world import World

TRANSACTIONS_MAX = 5
IDS_MAX = 5
INVALID_AFTER_S = 300.0  #: getInflightBundleStatuses forgets
SEARCHED_BLOCKS = 300  #: getBundleStatuses looks no further back
BUNDLES_MAX = 10_000  #: remembered
FLOOR_BUNDLES = 200  #: landed ones that the tip floor is made of
FLOOR_LAMPORTS = (1_000, 5_000, 10_000, 100_000, 1_000_000)  #: at the five percentiles while nothing landed
PERCENTILES = (25, 50, 75, 95, 99)


class BlockEngine:
    """One region."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._bundles: dict[str, tuple[Bundle, float]] = {}  # with the time of arrival
        self._ema = float(FLOOR_LAMPORTS[1])
        self._tips: deque[int] = deque(maxlen=FLOOR_BUNDLES)
        self._counted: set[str] = set()
        open_tip_accounts(world)
        world.listeners.append(lambda update: self._count_tips())

    def take(self, transactions: list[VersionedTransaction]) -> str:
        """Into the auction; returns the bundle's id, a receipt and no more. Raises `RpcError`."""
        world = self._world
        if not 1 <= len(transactions) <= TRANSACTIONS_MAX:
            raise RpcError(-32602, f"bundles must contain between 1 and {TRANSACTIONS_MAX} transactions")
        if not any(locks_tip_account(each) for each in transactions):
            text = "Bundles must write lock at least one tip account to be eligible for the auction."
            raise RpcError(-32602, text)
        names = ",".join(str(each.signatures[0]) for each in transactions)
        bundle_id = hashlib.sha256(names.encode()).hexdigest()
        if bundle_id in self._bundles:
            return bundle_id
        tip, units, why = self._price(transactions)
        bundle = Bundle(
            id=bundle_id, transactions=transactions, tip=tip, rate=tip / max(1, units), due_slot=0,
            expires_slot=world.slot + world.options.bundle_slots, order=world.mempool.next_order(),
            signatures=[each.signatures[0] for each in transactions],
        )  # fmt: skip
        self._apply_faults(bundle)
        self._bundles[bundle_id] = (bundle, world.stopwatch_s())
        if len(self._bundles) > BUNDLES_MAX:
            del self._bundles[next(iter(self._bundles))]
        if why is None:
            world.mempool.add_bundle(bundle)
        else:
            bundle.state, bundle.why = "Failed", why
        return bundle_id

    def _price(self, transactions: list[VersionedTransaction]) -> tuple[int, int, Any]:
        """(tip, compute units asked for, why it can never land)."""
        try:
            messages = [self._world.resolve(each) for each in transactions]
            units = sum(budget_of(each).unit_limit for each in messages)
        except Refused as refused:
            return 0, 0, refused.err
        tip = tip_of(messages)
        return tip, units, None if tip >= TIP_LAMPORTS_MIN else "the tip is below the minimum"

    def _apply_faults(self, bundle: Bundle) -> None:
        world = self._world
        for fault in world.faults.take("bundle"):
            if fault.what == "never_landed":
                bundle.is_never = True
            elif fault.what == "unbundled":
                bundle.alone = fault["count"]
            elif fault.what == "late":
                bundle.due_slot = world.slot + fault["slots"]
                bundle.expires_slot += fault["slots"]
            elif fault.what == "lose":
                for each in bundle.signatures:
                    world.history.lost_until[each] = world.slot + fault["slots"]

    def inflight(self, ids: list[str]) -> list[dict[str, Any]]:
        """As getInflightBundleStatuses: "Failed" while nothing landed says nothing about single transactions."""
        rows: list[dict[str, Any]] = []
        for each in ids:
            bundle, at_s = self._bundles.get(each, (None, 0.0))
            if bundle is None or self._world.stopwatch_s() - at_s > INVALID_AFTER_S:
                rows.append({"bundle_id": each, "landed_slot": None, "status": "Invalid"})
            else:
                rows.append({"bundle_id": each, "landed_slot": self._slot_of(bundle), "status": self._state_of(bundle)})
        return rows

    def _slot_of(self, bundle: Bundle) -> int | None:
        """Where it is on the present fork."""
        landed = [self._world.history.get(each) for each in bundle.signatures]
        return landed[0].slot if landed[0] is not None and all(each and each.bundle for each in landed) else None

    def _state_of(self, bundle: Bundle) -> str:
        if bundle.state == "Landed" and self._slot_of(bundle) is None:
            return "Failed"  # its fork was abandoned
        return bundle.state

    def statuses(self, ids: list[str]) -> list[dict[str, Any] | None]:
        """As getBundleStatuses: null for what is not in a recent block."""
        rows: list[dict[str, Any] | None] = []
        oldest = self._world.chain.at("processed", SEARCHED_BLOCKS).slot
        for each in ids:
            bundle, _ = self._bundles.get(each, (None, 0.0))
            slot = None if bundle is None else self._slot_of(bundle)
            if bundle is None or slot is None or slot < oldest:
                rows.append(None)
                continue
            rows.append({
                "bundle_id": each,
                "confirmation_status": self._world.chain.level(slot),
                "err": {"Ok": None},
                "slot": slot,
                "transactions": [str(signature) for signature in bundle.signatures],
            })  # fmt: skip
        return rows

    def _count_tips(self) -> None:
        for landed in self._world.history.in_slot(self._world.chain.tip.slot):
            if landed.bundle and landed.bundle not in self._counted and landed.bundle in self._bundles:
                tip = self._bundles[landed.bundle][0].tip
                self._counted.add(landed.bundle)
                self._tips.append(tip)
                self._ema += (tip - self._ema) * 0.1
        if len(self._counted) > BUNDLES_MAX:
            self._counted.clear()

    def tip_floor(self) -> list[dict[str, Any]]:
        """SOL, as floats, as the engine gives it."""
        tips = sorted(self._tips)
        row: dict[str, Any] = {"time": _time_text(self._world.now_s)}
        for place, percent in enumerate(PERCENTILES):
            lamports = tips[min(len(tips) - 1, len(tips) * percent // 100)] if tips else FLOOR_LAMPORTS[place]
            row[f"landed_tips_{percent}th_percentile"] = lamports / 1e9
        row["ema_landed_tips_50th_percentile"] = self._ema / 1e9
        return [row]


def _time_text(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()
