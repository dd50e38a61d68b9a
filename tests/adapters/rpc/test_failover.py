"""No call is lost while one honest endpoint remains, whatever the others do."""

import asyncio

import pytest

from adapters.rpc.pool import stopwatch_s
from kernel.rpc.rpc_errors import OutcomeUnknown, RpcRefused, RpcUnavailable
from tests.adapters.rpc.fleet import FAULTS, FaultScript, Fleet, Node

SEEDS = 60
CALLS = 12
AT_ONCE = 10


async def run_seed(seed: int, calls: int, *, is_wandering: bool) -> tuple[list[float], int]:
    has_stranger = seed % 5 == 0
    nodes = (Node(), Node(), Node(), Node(chain="137" if has_stranger else "1"))
    script = FaultScript(seed, nodes[:3] if has_stranger else nodes, is_wandering=is_wandering)
    took: list[float] = []
    async with Fleet(*nodes, answer_mb_max=1) as fleet:
        for _ in range(calls):
            script.step()
            begun_s = stopwatch_s()
            assert await fleet.balance() == "0x64"
            took.append(stopwatch_s() - begun_s)
    return took, sum(node.stormed for node in nodes)


async def run_seeds(calls: int, *, is_wandering: bool, seeds: range) -> tuple[list[float], int]:
    took: list[float] = []
    stormed = 0
    for first in range(seeds.start, seeds.stop, AT_ONCE):
        some = range(first, min(first + AT_ONCE, seeds.stop))
        for times, storms in await asyncio.gather(*(run_seed(each, calls, is_wandering=is_wandering) for each in some)):
            took += times
            stormed += storms
    return sorted(took), stormed


@pytest.mark.slow
async def test_no_call_is_lost_while_one_honest_endpoint_remains(capsys: pytest.CaptureFixture[str]) -> None:
    took, stormed = await run_seeds(CALLS, is_wandering=False, seeds=range(SEEDS))
    with capsys.disabled():
        print(
            f"\nfailover: {SEEDS} fault scripts, {len(took)} calls, default hedge delay: "
            f"p50 {took[len(took) // 2] * 1e3:.0f} ms, p99 {took[int(len(took) * 0.99)] * 1e3:.0f} ms, "
            f"p100 {took[-1] * 1e3:.0f} ms"
        )
    assert len(took) == SEEDS * CALLS
    assert took[-1] < 1.0
    assert stormed == 0


@pytest.mark.slow
async def test_no_call_is_lost_when_the_honest_one_changes_each_time() -> None:
    """Slower than above: the only honest one may be within a Retry-After that it named before."""
    took, stormed = await run_seeds(5, is_wandering=True, seeds=range(1_000, 1_000 + AT_ONCE))
    assert len(took) == AT_ONCE * 5
    assert stormed == 0


@pytest.mark.parametrize("fault", [*FAULTS, "bad_gzip", "bomb", "redirect", "http_403"])
async def test_each_fault_alone_costs_no_call(fault: str) -> None:
    async with Fleet(Node(fault=fault), Node(), answer_mb_max=1, hedge_after_ms=30) as fleet:
        assert await fleet.balance() == "0x64"


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_an_endpoint_that_cannot_be_connected_to_costs_no_call(scheme: str) -> None:
    async with Fleet(Node(), Node()) as fleet:
        broken, good = fleet.endpoints()
        port = fleet.nodes[0].port
        if scheme == "http":
            await fleet.nodes[0].stop()  # nobody listens there any more
        url = type(broken.url)(f"{scheme}://127.0.0.1:{port}/")
        fleet.pool.replace([type(broken)(provider_type=fleet.type, label="dead", url=url, priority=1), good])
        assert await fleet.balance() == "0x64"
        shown = fleet.pool.snapshot().endpoints
        assert [each.label for each in shown if each.errors] == ["dead"]
        assert ("TLS" in shown[0].last_error) == (scheme == "https")


async def test_with_nobody_left_the_error_says_who_failed_how() -> None:
    async with Fleet(Node(fault="http_500"), Node(fault="garbage"), runs_checks=False) as fleet:
        with pytest.raises(RpcUnavailable) as found:
            await fleet.balance(timeout_s=0.5)
        assert "node0: answered HTTP 500" in str(found.value)
        assert "node1: expected a JSON-RPC answer" in str(found.value)
        assert fleet.told.codes().count("rpc_exhausted") == 1
        fleet.nodes[0].fault = ""
        fleet.nodes[1].fault = ""
        assert await fleet.balance(timeout_s=5) == "0x64"
        assert "rpc_back" in fleet.told.codes()


async def test_a_single_endpoint_is_asked_again_after_a_hiccup() -> None:
    async with Fleet(Node(), runs_checks=False) as fleet:
        assert await fleet.balance() == "0x64"
        fleet.nodes[0].fault = "http_502"
        call = asyncio.create_task(fleet.balance())
        while "eth_getBalance" not in fleet.nodes[0].seen[2:]:
            await asyncio.sleep(0)
        fleet.nodes[0].fault = ""
        assert await call == "0x64"


async def test_a_revert_is_the_answer_and_nobody_else_is_asked() -> None:
    async with Fleet(Node(), Node(), hedge_after_ms=0) as fleet:
        await fleet.pool.check_all()
        for node in fleet.nodes:
            node.fault = "revert"
        with pytest.raises(RpcRefused) as found:
            await fleet.balance()
        assert (found.value.code, found.value.data) == (3, "0x08c379a0")
        assert sum(node.seen.count("eth_getBalance") for node in fleet.nodes) == 1
        assert fleet.shown(0).errors == fleet.shown(1).errors == 0


async def test_a_node_that_is_behind_passes_the_question_on() -> None:
    async with Fleet(Node(), Node()) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = "behind"
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        assert await fleet.balance() == "0x64"
        assert fleet.shown(0).breaker == "closed"


async def test_an_answer_of_another_type_is_no_answer() -> None:
    async with Fleet(Node(), Node()) as fleet:
        with pytest.raises(RpcUnavailable, match="Expected `int`, got `str`"):
            await fleet.pool.call(fleet.type, "eth_getBalance", ["0x0", "0x1"], result=int, timeout_s=0.4)


RAW = "0x02f8" + "cd" * 60


@pytest.mark.parametrize("fault", ["http_502", "reset", "garbage", "wrong_id", "truncated"])
async def test_identical_signed_bytes_go_to_another_endpoint(fault: str) -> None:
    async with Fleet(Node(), Node()) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = fault
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        assert await fleet.pool.call(fleet.type, "eth_sendRawTransaction", [RAW], result=str) == "0x" + "ab" * 32
        sent = [body for node in fleet.nodes for body in node.bodies if b"sendRaw" in body]
        assert len(sent) == 2 and all(RAW.encode() in body for body in sent)


@pytest.mark.parametrize("fault", ["http_502", "reset", "garbage", "wrong_id", "half_open"])
async def test_a_bundle_that_may_have_arrived_is_unknown_and_goes_to_nobody_else(fault: str) -> None:
    async with Fleet(Node(), Node(), attempt_timeout_s=0.2) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = fault
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        with pytest.raises(OutcomeUnknown) as found:
            await fleet.pool.call(fleet.type, "eth_sendBundle", [{"txs": [RAW]}], result=str)
        assert found.value.endpoints == ("ETHEREUM_RPC node0",)
        assert sum(node.seen.count("eth_sendBundle") for node in fleet.nodes) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "rpc_rate_limit", "http_401"])
async def test_a_bundle_that_was_turned_away_at_the_door_goes_to_the_next(fault: str) -> None:
    async with Fleet(Node(), Node()) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = fault
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        assert await fleet.pool.call(fleet.type, "eth_sendBundle", [{"txs": [RAW]}], result=str)


async def test_a_no_after_an_attempt_without_an_answer_is_unknown() -> None:
    """The second node's "nonce too low" may mean that the first one carried it out."""
    async with Fleet(Node(), Node()) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = "http_502"
        fleet.nodes[1].fault = "revert"
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        with pytest.raises(OutcomeUnknown):
            await fleet.pool.call(fleet.type, "eth_sendRawTransaction", [RAW], result=str)


async def test_solana_is_asked_for_its_genesis_and_heads_come_with_answers() -> None:
    nodes = (Node("solana"), Node("solana", chain="EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"))
    async with Fleet(*nodes, provider_type="SOLANA_RPC") as fleet:
        await fleet.pool.check_all()
        assert fleet.shown(1).state == "wrong_chain"
        nodes[0].head += 7
        answer = await fleet.pool.call("SOLANA_RPC", "getBalance", ["addr"], result=dict)
        assert answer["value"] == 100
        assert fleet.shown(0).head == nodes[0].head
