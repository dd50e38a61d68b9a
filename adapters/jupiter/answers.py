"""What Jupiter's Swap API v2 answers (`/build`, `/order`, `/execute`; dev.jup.ag, 2026-06). Hostile like any wire data.

Nothing in here is believed: amounts are checked by simulation, programs and signers before signing.
"""

from typing import Annotated

from msgspec import Meta, Struct

Key = Annotated[str, Meta(min_length=32, max_length=44)]
Digits = Annotated[str, Meta(pattern="^[0-9]{1,20}$")]
Bytes64 = Annotated[str, Meta(max_length=4_000)]
Height = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Text = Annotated[str, Meta(max_length=2_000)]


class ApiAccount(Struct, frozen=True, rename="camel"):
    """One account of an instruction."""

    pubkey: Key
    is_signer: bool
    is_writable: bool


class ApiInstruction(Struct, frozen=True, rename="camel"):
    """`data` is base64."""

    program_id: Key
    accounts: Annotated[list[ApiAccount], Meta(max_length=128)]
    data: Bytes64


Instructions = Annotated[list[ApiInstruction], Meta(max_length=32)]


class BuildAnswer(Struct, frozen=True, rename="camel"):
    """`GET /swap/v2/build`. Compute budget, blockhash and route plan are there too and not used."""

    input_mint: Key
    output_mint: Key
    in_amount: Digits
    out_amount: Digits
    other_amount_threshold: Digits
    swap_instruction: ApiInstruction
    setup_instructions: Instructions = []
    other_instructions: Instructions = []
    cleanup_instruction: ApiInstruction | None = None
    tip_instruction: ApiInstruction | None = None
    addresses_by_lookup_table_address: dict[Key, Annotated[list[Key], Meta(max_length=256)]] | None = None


class OrderAnswer(Struct, frozen=True, rename="camel"):
    """`GET /swap/v2/order`: a transaction that Jupiter assembled; None where it would not."""

    in_amount: Digits
    out_amount: Digits
    request_id: Annotated[str, Meta(min_length=1, max_length=200)]
    transaction: Bytes64 | None = None
    last_valid_block_height: Height | Digits | None = None
    router: Text = ""
    error_message: Text | None = None


class ExecuteAnswer(Struct, frozen=True, rename="camel"):
    """`POST /swap/v2/execute`: a hint like any other."""

    status: Annotated[str, Meta(max_length=40)]
    signature: Annotated[str, Meta(max_length=90)] | None = None
    code: int = 0
    error: Text | None = None
