"""Which token calls hand something over to somebody: approvals and transfers, read from calldata.

Selectors are the first four bytes of keccak-256 of the signature; a test computes them.
"""

from typing import Literal

from msgspec import Struct

WORD = 32
UNLIMITED_RAW_MIN = 2**96 - 1  #: tokens with 96-bit amounts take this for unlimited, and no supply is near it

SELECTORS = {
    "approve(address,uint256)": "095ea7b3",
    "increaseAllowance(address,uint256)": "39509351",
    "setApprovalForAll(address,bool)": "a22cb465",
    "approve(address,address,uint160,uint48)": "87517c45",
    "transfer(address,uint256)": "a9059cbb",
    "transferFrom(address,address,uint256)": "23b872dd",
    "deposit()": "d0e30db0",
    "withdraw(uint256)": "2e1a7d4d",
}
_BY_SELECTOR = {bytes.fromhex(selector): signature for signature, selector in SELECTORS.items()}
_HANDS_TO = {  # signature -> (kind, word of who gets it, word of how much; -1 = everything)
    "approve(address,uint256)": ("approval", 0, 1),
    "increaseAllowance(address,uint256)": ("approval", 0, 1),
    "setApprovalForAll(address,bool)": ("approval", 0, -1),
    "approve(address,address,uint160,uint48)": ("approval", 1, 2),
    "transfer(address,uint256)": ("transfer", 0, 1),
    "transferFrom(address,address,uint256)": ("transfer", 1, 2),
}


class TokenCall(Struct, frozen=True):
    """A call with a known selector."""

    signature: str
    kind: Literal["approval", "transfer", "own", "malformed"]
    to: str = ""  #: spender or recipient, lower case
    amount_raw: int = 0

    @property
    def is_unlimited(self) -> bool:
        return self.amount_raw >= UNLIMITED_RAW_MIN


def read_call(data: bytes) -> TokenCall | None:
    """The call, or None if its selector is not one of these."""
    signature = _BY_SELECTOR.get(data[:4])
    if signature is None:
        return None
    handed = _HANDS_TO.get(signature)
    if handed is None:
        return TokenCall(signature, "own")
    kind, who, how_much = handed
    words = [data[start : start + WORD] for start in range(4, len(data), WORD)]
    count = signature.count(",") + 1
    if len(words) < count or len(words[count - 1]) != WORD or any(words[who][:12]):
        return TokenCall(signature, "malformed")
    amount = 2**256 - 1 if how_much < 0 else int.from_bytes(words[how_much], "big")
    return TokenCall(signature, "approval" if kind == "approval" else "transfer", "0x" + words[who][12:].hex(), amount)
