"""Signs type-2 transactions of one EVM key within a policy."""

from collections.abc import Iterable

from adapters.signing.eth_account_library import eth_account
from adapters.signing.evm_calls import TokenCall, read_call
from adapters.signing.evm_policy import EvmPolicy
from adapters.signing.spend_window import SpendWindow
from bus.clock import Clock
from kernel.secrets.access_entry import AccessEntry, AccessRecorder
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from kernel.secrets.signing import EvmTransaction, SignedTransaction, SigningRefused

WEI_PER_GWEI = 10**9
DATA_BYTES_MAX = 131_072  #: nodes refuse more in one transaction
UINT64_MAX = 2**64 - 1
UINT256_MAX = 2**256 - 1


class EvmSigner:
    """See `kernel.secrets.signing.Signer`. The key is in no attribute that prints and leaves by no method."""

    __slots__ = ("_account", "_clock", "_module", "_name", "_policy", "_recorder", "_spent")

    def __init__(
        self,
        secret: Secret,
        policy: EvmPolicy,
        *,
        module: str,
        recorder: AccessRecorder,
        clock: Clock,
        spent: Iterable[tuple[int, int]] = (),
        name: str = "PRIVATE_KEY",
    ) -> None:
        """`spent`: what earlier runs committed within a day (`AccessLog.spent_since`). Raises BadSecret."""
        account = eth_account()

        try:
            self._account = account.from_key(secret.reveal())
            is_key = True
        except ValueError:
            is_key = False
        if not is_key:  # not in the handler: its traceback has the key in a frame
            raise BadSecret(f"{name} is not a private key")
        self._policy = policy
        self._module = module
        self._recorder = recorder
        self._clock = clock
        self._spent = SpendWindow(spent)
        self._name = name

    def __repr__(self) -> str:
        return f"EvmSigner({self.address})"

    def __reduce__(self) -> str:
        raise TypeError("a signer cannot be pickled or copied")

    @property
    def address(self) -> str:
        """Checksummed."""
        return str(self._account.address)

    def apply(self, policy: EvmPolicy) -> None:
        """Another policy, from the next transaction on."""
        self._policy = policy

    async def sign(self, order_id: str, transaction: EvmTransaction) -> SignedTransaction:
        """Check and sign; both outcomes are audited. Raises SigningRefused."""
        now_ns = self._clock.now_ns()
        try:
            spend_wei = self._check(transaction, now_ns)
        except SigningRefused as refusal:
            self._audit(now_ns, order_id, "refused", {"order_id": order_id, "code": refusal.code})
            raise
        signed = self._account.sign_transaction(_as_dict(transaction))
        self._spent.add(now_ns, spend_wei)
        result = SignedTransaction(
            raw=bytes(signed.raw_transaction), tx_id="0x" + bytes(signed.hash).hex(), spent_raw=spend_wei
        )
        self._audit(
            now_ns, order_id, "signed",
            {"order_id": order_id, "tx_id": result.tx_id, "to": transaction.to, "spent_raw": str(spend_wei)},
        )  # fmt: skip
        return result

    def _check(self, tx: EvmTransaction, now_ns: int) -> int:
        policy = self._policy
        _check_ranges(tx)
        if tx.chain_id != policy.chain_id:
            raise SigningRefused("chain", f"expected chain {policy.chain_id}, found {tx.chain_id}")
        if not tx.to:
            raise SigningRefused("creation", "this transaction creates a contract")
        if tx.gas_limit > policy.gas_limit_max:
            raise SigningRefused("gas", f"expected at most {policy.gas_limit_max} gas, found {tx.gas_limit}")
        self._check_target(tx)
        spend_wei = tx.value_wei + tx.gas_limit * tx.max_fee_per_gas_wei
        _check_cap("spend_tx", spend_wei, policy.spend_tx_max_gwei)
        _check_cap("spend_day", self._spent.total(now_ns) + spend_wei, policy.spend_day_max_gwei)
        return spend_wei

    def _check_target(self, tx: EvmTransaction) -> None:
        """Calls that hand something over are judged by what they say, whatever contract they go to."""
        policy = self._policy
        to = tx.to.lower()
        call = read_call(tx.data)
        if call is not None:
            self._check_call(call)
        if to in _lower(policy.targets):
            return
        if to in _lower(policy.tokens):
            if call is None:
                raise SigningRefused("selector", f"{tx.to} is a token, and this call is not one that tokens may get")
            return
        if not tx.data and (to in _lower(policy.recipients) or to == self.address.lower()):
            return
        raise SigningRefused("target", f"{tx.to} is not among the allowed contracts and recipients")

    def _check_call(self, call: TokenCall) -> None:
        policy = self._policy
        if call.kind == "malformed":
            raise SigningRefused("malformed", f"the arguments of {call.signature} are not what they must be")
        ours = self.address.lower()
        if call.kind == "approval":
            if call.is_unlimited and call.to not in _lower(policy.spenders):
                raise SigningRefused("approval", f"unlimited approval to {call.to}, which is not an allowed spender")
            if call.amount_raw and call.to not in _lower((*policy.spenders, *policy.targets)):
                raise SigningRefused("approval", f"approval to {call.to}, which is not an allowed contract")
        if call.kind == "transfer" and call.to not in (ours, *_lower(policy.recipients)):
            raise SigningRefused("recipient", f"transfer to {call.to}, which is not an allowed recipient")

    def _audit(self, now_ns: int, order_id: str, result: str, metadata: dict[str, str]) -> None:
        self._recorder.record(
            AccessEntry(
                ts_ns=now_ns, module=self._module, name=self._name, purpose="sign", source="signer",
                result="signed" if result == "signed" else "refused", metadata=metadata,
            )
        )  # fmt: skip


def _check_ranges(tx: EvmTransaction) -> None:
    for field, value, most in (
        ("nonce", tx.nonce, UINT64_MAX),
        ("value_wei", tx.value_wei, UINT256_MAX),
        ("gas_limit", tx.gas_limit, UINT64_MAX),
        ("max_fee_per_gas_wei", tx.max_fee_per_gas_wei, UINT256_MAX),
        ("max_priority_fee_per_gas_wei", tx.max_priority_fee_per_gas_wei, tx.max_fee_per_gas_wei),
        ("length of data", len(tx.data), DATA_BYTES_MAX),
    ):
        if not 0 <= value <= most:
            raise SigningRefused("range", f"{field}: expected 0 to {most}, found {value}")
    if tx.to and not (len(tx.to) == 42 and tx.to.startswith("0x") and all(c in _HEX for c in tx.to[2:])):
        raise SigningRefused("range", "to: expected 0x and 40 hexadecimal digits")


_HEX = frozenset("0123456789abcdefABCDEF")


def _check_cap(code: str, spend_wei: int, cap_gwei: int) -> None:
    if spend_wei > cap_gwei * WEI_PER_GWEI:
        what = "this transaction" if code == "spend_tx" else "the last 24 h with this transaction"
        raise SigningRefused(code, f"{what} may cost {spend_wei} wei, expected at most {cap_gwei} gwei")


def _lower(addresses: tuple[str, ...]) -> frozenset[str]:
    return frozenset(each.lower() for each in addresses)


def _as_dict(tx: EvmTransaction) -> dict[str, object]:
    return {
        "type": 2,
        "chainId": tx.chain_id,
        "nonce": tx.nonce,
        "to": bytes.fromhex(tx.to[2:]),
        "value": tx.value_wei,
        "data": tx.data,
        "gas": tx.gas_limit,
        "maxFeePerGas": tx.max_fee_per_gas_wei,
        "maxPriorityFeePerGas": tx.max_priority_fee_per_gas_wei,
    }
