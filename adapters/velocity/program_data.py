"""The upgradeable loader's ProgramData account: when a program was last changed, and who may change it."""

from msgspec import Struct
from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout

LOADER = "BPFLoaderUpgradeab1e11111111111111111111111"
PROGRAM_DATA_TAG = 3
HEADER_BYTES = 45  #: tag u32, slot u64, option byte, key; the program's code follows


class ProgramData(Struct, frozen=True, kw_only=True, gc=False):
    """The header of a program's code."""

    changed_slot: int
    upgrade_authority: str  #: "" = nobody can change it any more

    @classmethod
    def decode(cls, owner: str, data: bytes) -> "ProgramData":
        """From the first 45 bytes, or all, of the account. Raises `UnknownLayout`."""
        header = data[:HEADER_BYTES]
        if owner != LOADER or len(header) < HEADER_BYTES or int.from_bytes(header[:4], "little") != PROGRAM_DATA_TAG:
            raise UnknownLayout(
                f"velocity ProgramData: expected {HEADER_BYTES} bytes with the tag {PROGRAM_DATA_TAG} owned by {LOADER}"
                f", found {header[:4].hex()} owned by {owner!r:.60}"
            )
        return cls(
            changed_slot=int.from_bytes(header[4:12], "little"),
            upgrade_authority=str(Pubkey.from_bytes(header[13:45])) if header[12] == 1 else "",
        )


def program_data_address(program: str) -> Pubkey:
    """Where the loader keeps a program's code."""
    return Pubkey.find_program_address([bytes(Pubkey.from_string(program))], Pubkey.from_string(LOADER))[0]
