"""What the Solana signer signs. Without programs of a venue and without caps, as by default, it signs nothing useful.

It belongs into the profile's file: a policy that the database could widen would not guard against the database.
"""

from typing import Annotated

from msgspec import Meta

from kernel.strategy import Settings

LAMPORTS_MAX = 10**15  #: a million SOL
Key = Annotated[str, Meta(pattern="^[1-9A-HJ-NP-Za-km-z]{32,44}$")]
#: Their instructions are read and judged one by one: compute budget, system, token, token-2022, associated token.
UNDERSTOOD = (
    "ComputeBudget111111111111111111111111111111",
    "11111111111111111111111111111111",
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
    "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
)


def _meta(title: str, unit: str, description: str, recommended: object) -> Meta:
    extra = {"unit": unit, "group": "Solana signer", "recommended": recommended, "reload": "restart"}
    return Meta(title=title, description=description, extra=extra)


class SolanaPolicy(Settings, frozen=True, kw_only=True):
    """Programs, recipients and spending caps of one Solana key."""

    programs: Annotated[
        tuple[Key, ...],
        Meta(max_length=64),
        _meta(
            "Programs", "address", "Programs that may be called; those of venues may do all that we sign for.", "few"
        ),
    ] = UNDERSTOOD
    recipients: Annotated[
        tuple[Key, ...],
        Meta(max_length=64),
        _meta("SOL recipients", "address", "Who may be sent SOL, besides our own wrapped account.", "none"),
    ] = ()
    token_recipients: Annotated[
        tuple[Key, ...],
        Meta(max_length=64),
        _meta("Token recipients", "address", "Token accounts that may be sent tokens.", "none"),
    ] = ()
    tip_accounts: Annotated[
        tuple[Key, ...],
        Meta(max_length=64),
        _meta("Tip accounts", "address", "Who may be tipped.", "the eight of Jito"),
    ] = ()
    tip_max_lamports: Annotated[
        int, Meta(ge=0, le=LAMPORTS_MAX), _meta("Tip", "lamports", "Most tips in one transaction.", 1_000_000)
    ] = 0
    spend_tx_max_lamports: Annotated[
        int,
        Meta(ge=0, le=LAMPORTS_MAX),
        _meta(
            "Spending per transaction", "lamports", "SOL sent or wrapped, tips, fees and rent; 0 signs nothing.", "low"
        ),
    ] = 0
    spend_day_max_lamports: Annotated[
        int,
        Meta(ge=0, le=LAMPORTS_MAX),
        _meta("Spending per 24 h", "lamports", "Sum over everything signed, landed or not; 0 signs nothing.", "low"),
    ] = 0
