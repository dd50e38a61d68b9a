"""A program said no."""

from collections.abc import Sequence
from typing import Any

_WORDS = {
    "InvalidArgument": "invalid program argument",
    "InvalidAccountData": "invalid account data for instruction",
    "InvalidInstructionData": "invalid instruction data",
    "MissingRequiredSignature": "missing required signature for instruction",
    "NotEnoughAccountKeys": "insufficient account keys for instruction",
    "PrivilegeEscalation": "Cross-program invocation with unauthorized signer or writable account",
    "ExternalAccountDataModified": "instruction modified data of an account it does not own",
    "ReadonlyDataModified": "instruction modified data of a read-only account",
    "MissingAccount": "An account required by the instruction is missing",
    "ProgramFailedToComplete": "exceeded CUs meter at BPF instruction",
    "CallDepth": "Cross-program invocation call depth too deep",
}


class ProgramError(Exception):
    """`code` is the program's own number, or the runtime's word such as "InvalidArgument"."""

    def __init__(self, code: int | str, logs: Sequence[str] = ()) -> None:
        super().__init__(f"program error {code}: {'; '.join(logs)}")
        self.code = code
        self.logs = tuple(logs)

    @property
    def err(self) -> dict[str, int] | str:
        """As a node writes it within an `InstructionError`."""
        return {"Custom": self.code} if isinstance(self.code, int) else self.code

    @property
    def text(self) -> str:
        """As the log of the failed program ends."""
        if isinstance(self.code, int):
            return f"custom program error: {self.code:#x}"
        return _WORDS.get(self.code, self.code)


class TransactionAborted(Exception):
    """The whole transaction fails for a reason that is no instruction's, such as rent; `err` is the node's JSON."""

    def __init__(self, err: Any) -> None:
        super().__init__(str(err))
        self.err = err


def error_of(err: Any) -> ProgramError:
    """What a real program answered, as ours."""
    if isinstance(err, dict) and "Custom" in err:
        return ProgramError(int(err["Custom"]))
    return ProgramError(err if isinstance(err, str) else str(err))
