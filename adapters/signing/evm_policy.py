"""What the EVM signer signs. Empty and zero by default, so that an unset policy signs nothing.

It belongs into the profile's file: a policy that the database could widen would not guard against the database.
"""

from typing import Annotated

from msgspec import Meta

from kernel.strategy import Settings

GWEI_MAX = 10**15  #: a million ETH
Address = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]


def _meta(title: str, unit: str, description: str, recommended: object) -> Meta:
    extra = {"unit": unit, "group": "EVM signer", "recommended": recommended, "reload": "restart"}
    return Meta(title=title, description=description, extra=extra)


class EvmPolicy(Settings, frozen=True, kw_only=True):
    """Chain, targets and spending caps of one EVM key."""

    chain_id: Annotated[
        int, Meta(ge=0, le=2**53), _meta("Chain", "id", "The one chain signed for; 0 signs nothing.", 1)
    ] = 0
    targets: Annotated[
        tuple[Address, ...],
        Meta(max_length=64),
        _meta("Contracts", "address", "Contracts that may be called with any data: routers, pools, our own.", "few"),
    ] = ()
    tokens: Annotated[
        tuple[Address, ...],
        Meta(max_length=256),
        _meta("Tokens", "address", "Tokens on which approve, transfer, deposit and withdraw may be called.", "few"),
    ] = ()
    spenders: Annotated[
        tuple[Address, ...],
        Meta(max_length=64),
        _meta("Unlimited spenders", "address", "Who may be given an unlimited approval.", "none"),
    ] = ()
    recipients: Annotated[
        tuple[Address, ...],
        Meta(max_length=64),
        _meta("Recipients", "address", "Who may be sent tokens or coins, besides ourselves.", "none"),
    ] = ()
    gas_limit_max: Annotated[
        int, Meta(ge=21_000, le=60_000_000), _meta("Gas limit", "gas", "Most gas of one transaction.", 3_000_000)
    ] = 3_000_000
    spend_tx_max_gwei: Annotated[
        int,
        Meta(ge=0, le=GWEI_MAX),
        _meta("Spending per transaction", "gwei", "Value and highest possible fee together; 0 signs nothing.", "low"),
    ] = 0
    spend_day_max_gwei: Annotated[
        int,
        Meta(ge=0, le=GWEI_MAX),
        _meta("Spending per 24 h", "gwei", "Sum over everything signed, landed or not; 0 signs nothing.", "low"),
    ] = 0
