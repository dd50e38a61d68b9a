"""Landed means: all signatures, confirmed, without error, in one slot. Everything else has another name."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.jito.bundle_state import judge_bundle
from adapters.solana.rpc_answers import SignatureStatus


def status(slot: int = 5, confirmation: str | None = "confirmed", err: object = None) -> SignatureStatus:
    return SignatureStatus(slot=slot, err=err, confirmation_status=confirmation)


def test_each_state() -> None:
    both = [status(), status(confirmation="finalized")]
    assert judge_bundle(both, is_expired=False).state == "landed"
    assert judge_bundle(both, is_expired=False).slot == 5
    assert judge_bundle([status(), status(confirmation="processed")], is_expired=False).state == "pending"
    assert judge_bundle([status(), None], is_expired=False).state == "pending"
    assert judge_bundle([status(), None], is_expired=True).state == "unbundled"
    assert judge_bundle([status(), status(slot=6)], is_expired=False).state == "unbundled"
    assert judge_bundle([status(), status(err={"X": 1})], is_expired=False).state == "unbundled"
    assert judge_bundle([None, None], is_expired=True).state == "failed"
    assert judge_bundle([None, status(confirmation="processed")], is_expired=True).state == "pending"
    assert judge_bundle([None, status()], is_expired=True).landed == (1,)


STATUSES = st.lists(
    st.none()
    | st.builds(
        status, st.integers(1, 2), st.sampled_from(["processed", "confirmed", "finalized", None, "odd"]),
        st.sampled_from([None, "E"]),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


@given(STATUSES, st.booleans())
def test_it_never_says_landed_for_less_and_never_failed_for_more(
    statuses: list[SignatureStatus | None], is_expired: bool
) -> None:
    verdict = judge_bundle(statuses, is_expired=is_expired)
    good = [
        each
        for each in statuses
        if each and each.err is None and each.confirmation_status in ("confirmed", "finalized")
    ]
    is_whole = len(good) == len(statuses) and len({each.slot for each in good}) == 1
    assert (verdict.state == "landed") == is_whole
    if verdict.state == "failed":
        assert is_expired and not any(statuses)
    if verdict.state == "submitted":
        assert not is_expired and not any(statuses)
