"""Signs legacy and v0 messages of one Solana key within a policy."""

from collections.abc import Iterable

from adapters.signing.address import solana_pair
from adapters.signing.solana_message import Judgement, judge
from adapters.signing.solana_policy import SolanaPolicy
from adapters.signing.spend_window import SpendWindow
from bus.clock import Clock
from kernel.secrets.access_entry import AccessEntry, AccessRecorder
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from kernel.secrets.signing import SignedTransaction, SigningRefused, SolanaTransaction

MESSAGE_BYTES_MAX = 1_232 - 65  #: a packet less one signature and its count


class SolanaSigner:
    """See `kernel.secrets.signing.Signer`. The key is in no attribute that prints and leaves by no method."""

    __slots__ = ("_clock", "_module", "_name", "_pair", "_policy", "_recorder", "_spent")

    def __init__(
        self,
        secret: Secret,
        policy: SolanaPolicy,
        *,
        module: str,
        recorder: AccessRecorder,
        clock: Clock,
        spent: Iterable[tuple[int, int]] = (),
        name: str = "SOLANA_PRIVATE_KEY",
    ) -> None:
        """`spent`: what earlier runs committed within a day (`AccessLog.spent_since`). Raises BadSecret."""
        from solders.keypair import Keypair

        try:
            self._pair = Keypair.from_bytes(solana_pair(secret))
            is_key = True
        except ValueError:
            is_key = False
        if not is_key:  # not in the handler: its traceback has the key in a frame
            raise BadSecret(f"{name} is not a key pair")
        self._policy = policy
        self._module = module
        self._recorder = recorder
        self._clock = clock
        self._spent = SpendWindow(spent)
        self._name = name

    def __repr__(self) -> str:
        return f"SolanaSigner({self.address})"

    def __reduce__(self) -> str:
        raise TypeError("a signer cannot be pickled or copied")

    @property
    def address(self) -> str:
        """Base58."""
        return str(self._pair.pubkey())

    def apply(self, policy: SolanaPolicy) -> None:
        """Another policy, from the next transaction on."""
        self._policy = policy

    async def sign(self, order_id: str, transaction: SolanaTransaction) -> SignedTransaction:
        """Check and sign; both outcomes are audited. Raises SigningRefused."""
        from solders.message import to_bytes_versioned
        from solders.transaction import VersionedTransaction

        now_ns = self._clock.now_ns()
        try:
            found = self._check(transaction, now_ns)
        except SigningRefused as refusal:
            self._audit(now_ns, {"order_id": order_id, "code": refusal.code}, is_signed=False)
            raise
        # What was judged is written anew and that is signed, so that no second reading of the bytes can differ.
        signature = self._pair.sign_message(to_bytes_versioned(found.message))
        self._spent.add(now_ns, found.spend_lamports)
        raw = bytes(VersionedTransaction.populate(found.message, [signature]))
        spent = {"spent_raw": str(found.spend_lamports), "tip_raw": str(found.tip_lamports)}
        self._audit(now_ns, {"order_id": order_id, "tx_id": str(signature), **spent}, is_signed=True)
        return SignedTransaction(raw=raw, tx_id=str(signature), spent_raw=found.spend_lamports)

    def _check(self, transaction: SolanaTransaction, now_ns: int) -> Judgement:
        policy = self._policy
        if len(transaction.message) > MESSAGE_BYTES_MAX:
            size = len(transaction.message)
            raise SigningRefused("range", f"message: expected at most {MESSAGE_BYTES_MAX} bytes, found {size}")
        found = judge(transaction.message, self._pair.pubkey(), policy)
        for code, lamports, cap in (
            ("tip", found.tip_lamports, policy.tip_max_lamports),
            ("spend_tx", found.spend_lamports, policy.spend_tx_max_lamports),
            ("spend_day", self._spent.total(now_ns) + found.spend_lamports, policy.spend_day_max_lamports),
        ):
            if lamports > cap:
                raise SigningRefused(code, f"expected at most {cap} lamports, found {lamports}")
        return found

    def _audit(self, now_ns: int, metadata: dict[str, str], *, is_signed: bool) -> None:
        self._recorder.record(
            AccessEntry(
                ts_ns=now_ns, module=self._module, name=self._name, purpose="sign", source="signer",
                result="signed" if is_signed else "refused", metadata=metadata,
            )
        )  # fmt: skip
