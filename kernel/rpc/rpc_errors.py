"""What a call through the RPC pool can end in, apart from an answer. The type says whether asking again is safe.

RpcUnavailable        FeedError      nobody could answer in time; nothing happened, ask again later
RpcRefused            VenueRefused   the node answered no (a revert, bad params); asking another gives the same
OutcomeUnknown        KernelError    bytes of a send may have left: treat it as landed and reconcile
QuorumFailed          BadWire        nodes contradict each other about one fact; `said` names who said what
AddressRefused        ConfigError    a URL that must not be opened
"""

from kernel.errors import BadWire, ConfigError, FeedError, KernelError, VenueRefused


class RpcUnavailable(FeedError):
    """No endpoint could answer before the deadline. `retry_after_s`: when the first may again; None = not known."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class RpcRefused(VenueRefused):
    """A node's own error answer. `data` is as the node sent it (a revert's bytes) and hostile."""

    def __init__(self, text: str, *, code: int, message: str, data: object = None) -> None:
        super().__init__(text)
        self.code = code
        self.message = message
        self.data = data


class OutcomeUnknown(KernelError):
    """A request that changes something was sent, or may have been, and no trustworthy answer came."""

    def __init__(self, text: str, *, method: str, endpoints: tuple[str, ...]) -> None:
        super().__init__(text)
        self.method = method
        self.endpoints = endpoints


class QuorumFailed(BadWire):
    """Too few equal answers. `said`: label of the endpoint -> its answer, shortened."""

    def __init__(self, text: str, said: dict[str, str]) -> None:
        super().__init__(text)
        self.said = said


class AddressRefused(ConfigError):
    """A URL or the address behind it is not allowed."""
