"""What the block engine answers, read strictly (Jito's documentation, 2026-02; it writes some names in both cases)."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from solders.pubkey import Pubkey

from kernel.errors import BadWire

BUNDLES_ASKED_MAX = 5  #: of one status call, the engine's own limit
TIP_ACCOUNTS_MAX = 32  #: there are eight
SIGNATURES_MAX = 5
_BUNDLE_ID = re.compile(r"[0-9a-zA-Z-]{16,128}")

InflightState = Literal["invalid", "pending", "failed", "landed"]
STATES: tuple[InflightState, ...] = ("invalid", "pending", "failed", "landed")


class Envelope(Struct, frozen=True):
    """A status answer; its entries are read one by one."""

    value: Annotated[list[Any], Meta(max_length=BUNDLES_ASKED_MAX)] | None = None


class BundleStatus(Struct, frozen=True):
    """`getBundleStatuses`: a receipt, not a proof. `is_ok` None = it did not say."""

    bundle_id: str
    slot: int
    confirmation: str
    signatures: tuple[str, ...]
    is_ok: bool | None


class InflightStatus(Struct, frozen=True):
    """`getInflightBundleStatuses`, of the last five minutes."""

    bundle_id: str
    state: InflightState
    landed_slot: int | None


def read_bundle_id(value: str) -> str:
    """The receipt of a bundle. Raises `BadWire`."""
    if not _BUNDLE_ID.fullmatch(value):
        raise BadWire(f"sendBundle: expected a bundle id, found {value[:40]!r}")
    return value


def read_tip_accounts(values: Sequence[str]) -> tuple[str, ...]:
    """Accounts to tip. Raises `BadWire` for none, too many, or one that is no account."""
    if not 1 <= len(values) <= TIP_ACCOUNTS_MAX:
        raise BadWire(f"getTipAccounts: expected 1 to {TIP_ACCOUNTS_MAX} accounts, found {len(values)}")
    for each in values:
        try:
            Pubkey.from_string(each)
        except ValueError:
            raise BadWire(f"getTipAccounts: expected accounts, found {each[:60]!r}") from None
    return tuple(values)


def read_bundle_statuses(envelope: Envelope) -> list[BundleStatus | None]:
    """In the order of the answer; None = not known (any more). Raises `BadWire`."""
    return [None if each is None else _bundle_status(each) for each in envelope.value or ()]


def read_inflight_statuses(envelope: Envelope) -> list[InflightStatus]:
    """In the order of the answer. Raises `BadWire`."""
    return [_inflight_status(each) for each in envelope.value or () if each is not None]


def _bundle_status(entry: Any) -> BundleStatus:
    signatures = _field(entry, "transactions", list)
    if len(signatures) > SIGNATURES_MAX or not all(isinstance(each, str) for each in signatures):
        raise BadWire(f"bundle status: expected at most {SIGNATURES_MAX} signatures, found other things")
    err = entry.get("err")
    is_ok = None if err is None else isinstance(err, dict) and "Ok" in err and err["Ok"] is None
    return BundleStatus(
        bundle_id=_field(entry, "bundle_id", str),
        slot=_slot(_field(entry, "slot", int)),
        confirmation=_field(entry, "confirmation_status", str)[:40],
        signatures=tuple(signatures),
        is_ok=is_ok,
    )


def _inflight_status(entry: Any) -> InflightStatus:
    name = _field(entry, "status", str).lower()
    state = next((each for each in STATES if each == name), None)
    if state is None:
        raise BadWire(f"inflight bundle status: expected one of {', '.join(STATES)}, found {name[:40]!r}")
    landed = _get(entry, "landed_slot")
    if landed is not None and type(landed) is not int:
        raise BadWire("inflight bundle status: expected a landed slot or null, found something else")
    return InflightStatus(_field(entry, "bundle_id", str), state, None if landed is None else _slot(landed))


def _get(entry: Any, name: str) -> Any:
    if not isinstance(entry, dict):
        raise BadWire(f"bundle status: expected an object, found {type(entry).__name__}")
    first, *others = name.split("_")
    return entry.get(name, entry.get(first + "".join(each.capitalize() for each in others)))


def _field(entry: Any, name: str, kind: type) -> Any:
    value = _get(entry, name)
    if type(value) is not kind:
        raise BadWire(f"bundle status: {name}: expected {kind.__name__}, found {type(value).__name__}")
    return value


def _slot(slot: int) -> int:
    if not 0 <= slot < 1 << 63:
        raise BadWire(f"bundle status: expected a slot, found {slot!r:.40}")
    return slot
