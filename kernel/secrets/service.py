"""How a part asks for a secret: by name, saying who asks and what for. Each answer is written to the access log.

Nothing is read at start and kept for everybody: a signer asks when it is made and keeps what it got in itself.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from kernel.errors import KernelError
from kernel.secrets.secret import Secret


class SecretsService(Protocol):
    """Files first, then the database, then (with a warning) the environment."""

    async def get(self, name: str, *, module: str, purpose: str) -> Secret:
        """The secret. Raises MissingSecret, BadSecret, SecretUnavailable, SecretTampered or WrongMasterKey."""

    async def available(self, name: str) -> bool:
        """Whether a source has it, without reading its value. False also while the database does not answer."""


class SecretProblem(Struct, frozen=True):
    """Why a module may not start."""

    name: str
    reason: str  #: for people; holds no value


async def missing_secrets(required: Iterable[str], service: SecretsService, *, module: str) -> list[SecretProblem]:
    """What keeps a live module from starting: every required secret that is absent, unreadable or of the wrong form.

    Each is really read, so that a wrong master key or a damaged row shows before the first order and not at it.
    """
    problems = []
    for name in required:
        try:
            await service.get(name, module=module, purpose="start check")
        except KernelError as error:
            problems.append(SecretProblem(name, str(error)))
    return problems
