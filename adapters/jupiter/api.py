"""Jupiter's Swap API v2 through the RPC pool: `x-api-key` on every request, the host from the pool's endpoints."""

from base64 import b64encode

from adapters.jupiter.answers import BuildAnswer, ExecuteAnswer, OrderAnswer
from kernel.errors import BadWire
from kernel.rpc.api_caller import ApiCaller
from kernel.secrets.secret import Secret

PROVIDER = "JUPITER_API"
BUILD_PATH = "/swap/v2/build"
ORDER_PATH = "/swap/v2/order"
EXECUTE_PATH = "/swap/v2/execute"
TIMEOUT_S = 4.0
EXECUTE_TIMEOUT_S = 8.0  #: it waits for the transaction for a while


class JupiterApi:
    """All methods raise what `ApiCaller.fetch` raises, and `BadWire` for an answer to another question."""

    def __init__(self, api: ApiCaller, key: Secret) -> None:
        self._api = api
        self._key = key

    async def build(
        self,
        *,
        input_mint: str,
        output_mint: str,
        amount: int,
        taker: str,
        slippage_bps: int,
        accounts_max: int = 0,
        excluded_dexes: tuple[str, ...] = (),
    ) -> BuildAnswer:
        """Instructions for an exact amount in. `accounts_max` 0 = Jupiter's own limit."""
        query = self._question(input_mint, output_mint, amount, taker) | {"slippageBps": str(slippage_bps)}
        if accounts_max:
            query["maxAccounts"] = str(accounts_max)
        if excluded_dexes:
            query["excludeDexes"] = ",".join(excluded_dexes)
        answer = await self._api.fetch(
            PROVIDER, "GET", BUILD_PATH, result=BuildAnswer, query=query, headers=self._headers(), timeout_s=TIMEOUT_S
        )
        if (answer.input_mint, answer.output_mint, int(answer.in_amount)) != (input_mint, output_mint, amount):
            raise BadWire(
                f"Jupiter /build: expected {amount} of {input_mint} for {output_mint}, found {answer.in_amount} of "
                f"{answer.input_mint} for {answer.output_mint}"
            )
        return answer

    async def order(self, *, input_mint: str, output_mint: str, amount: int, taker: str) -> OrderAnswer:
        """A whole transaction, to be signed and given to `execute`."""
        query = self._question(input_mint, output_mint, amount, taker)
        answer = await self._api.fetch(
            PROVIDER, "GET", ORDER_PATH, result=OrderAnswer, query=query, headers=self._headers(), timeout_s=TIMEOUT_S
        )
        if int(answer.in_amount) != amount:
            raise BadWire(f"Jupiter /order: expected {amount} in, found {answer.in_amount}")
        return answer

    async def execute(self, signed: bytes, request_id: str) -> ExecuteAnswer:
        """Have it landed. The same signed bytes may be given again: they land once."""
        body = {"signedTransaction": b64encode(signed).decode(), "requestId": request_id}
        return await self._api.fetch(
            PROVIDER, "POST", EXECUTE_PATH, result=ExecuteAnswer, body=body, headers=self._headers(),
            timeout_s=EXECUTE_TIMEOUT_S, is_idempotent=False,
        )  # fmt: skip

    def _question(self, input_mint: str, output_mint: str, amount: int, taker: str) -> dict[str, str]:
        return {"inputMint": input_mint, "outputMint": output_mint, "amount": str(amount), "taker": taker}

    def _headers(self) -> dict[str, str]:
        return {"x-api-key": self._key.reveal()}
