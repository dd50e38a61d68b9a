"""What became of a bundle, judged by our own node alone: the engine's receipt says that it was received, no more.

submitted   none of its signatures is known
pending     some are known, not all for good
landed      all are confirmed, without error, in one slot
failed      the chain is past the last height at which they were valid, and knows none
unbundled   some landed without the others, in other slots, or with an error: blocks that were dropped can be taken
            apart, and their transactions sent one by one. What is in them is real and must be dealt with
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from adapters.solana.rpc_answers import SignatureStatus

FINAL = ("confirmed", "finalized")
BundleState = Literal["submitted", "pending", "landed", "failed", "unbundled"]


class BundleVerdict(Struct, frozen=True):
    """`slot` is that of a landed bundle, else 0; `landed` holds the places of transactions that are in blocks."""

    state: BundleState
    slot: int = 0
    landed: tuple[int, ...] = ()


def judge_bundle(statuses: Sequence[SignatureStatus | None], *, is_expired: bool) -> BundleVerdict:
    """By the statuses of its signatures in order. `is_expired`: none that is not known now can land any more.

    >>> judge_bundle([None, None], is_expired=False).state, judge_bundle([None, None], is_expired=True).state
    ('submitted', 'failed')
    """
    final = {
        place: each for place, each in enumerate(statuses) if each is not None and each.confirmation_status in FINAL
    }
    landed = tuple(final)
    if any(each.err is not None for each in final.values()):
        return BundleVerdict("unbundled", landed=landed)  # in a bundle nothing lands with an error
    slots = {each.slot for each in final.values()}
    if len(slots) > 1:
        return BundleVerdict("unbundled", landed=landed)
    if final and len(final) == len(statuses):
        return BundleVerdict("landed", slots.pop(), landed)
    if is_expired and all(each is None or place in final for place, each in enumerate(statuses)):
        return BundleVerdict("unbundled", landed=landed) if final else BundleVerdict("failed")
    if any(each is not None for each in statuses):
        return BundleVerdict("pending", landed=landed)
    return BundleVerdict("submitted")
