"""Reads that several endpoints must answer alike."""

import pytest

from kernel.errors import BadInput
from kernel.rpc.caller import Quorum
from kernel.rpc.rpc_errors import QuorumFailed, RpcRefused, RpcUnavailable
from tests.adapters.rpc.fleet import HEAD, Fleet, Node

TWO_OF_THREE = Quorum(agree=2, ask=3)


async def test_a_liar_is_outvoted_told_and_asked_last() -> None:
    async with Fleet(Node(), Node(fault="lying"), Node()) as fleet:
        await fleet.pool.check_all()
        for _ in range(3):  # until the liar's answer came before the majority was complete
            assert await fleet.balance(quorum=Quorum(agree=2, ask=3)) == "0x64"
            fleet.nodes[0].fault, fleet.nodes[0].delay_s = "slow", 0.05
        assert fleet.shown(1).is_suspect
        (text,) = [text for severity, code, text in fleet.told.said if code == "rpc_lying" and severity == "critical"]
        assert "node1" in text and '"0xbad"' in text and '"0x64"' in text
        fleet.nodes[0].fault = ""
        lies = fleet.nodes[1].seen.count("eth_getBalance")
        for _ in range(5):
            assert await fleet.balance() == "0x64"
        assert fleet.nodes[1].seen.count("eth_getBalance") == lies


async def test_two_who_contradict_each_other_are_both_named_and_none_is_believed() -> None:
    async with Fleet(Node(), Node(fault="lying")) as fleet:
        with pytest.raises(QuorumFailed) as found:
            await fleet.balance(quorum=TWO_OF_THREE, timeout_s=0.5)
        assert found.value.said == {"ETHEREUM_RPC node0": '"0x64"', "ETHEREUM_RPC node1": '"0xbad"'}
        assert not fleet.shown(0).is_suspect and not fleet.shown(1).is_suspect


async def test_more_endpoints_are_asked_when_the_first_do_not_agree_or_answer() -> None:
    async with Fleet(Node(fault="lying"), Node(fault="http_500"), Node(), Node()) as fleet:
        assert await fleet.balance(quorum=Quorum(agree=2, ask=2)) == "0x64"


async def test_one_answer_is_no_quorum() -> None:
    async with Fleet(Node(), Node(fault="http_500")) as fleet:
        with pytest.raises(RpcUnavailable, match="expected 2 of 3 equal answers, found 1 answers"):
            await fleet.balance(quorum=TWO_OF_THREE, timeout_s=0.5)


async def test_equal_refusals_are_an_answer() -> None:
    async with Fleet(Node(), Node(), Node()) as fleet:
        await fleet.pool.check_all()
        for node in fleet.nodes:
            node.fault = "revert"
        with pytest.raises(RpcRefused):
            await fleet.balance(quorum=TWO_OF_THREE)


@pytest.mark.parametrize("block", ["latest", "pending", None])
async def test_a_block_that_moves_can_have_no_quorum(block: str | None) -> None:
    async with Fleet(Node(), Node()) as fleet:
        params = ["0x11", block] if block else ["0x11"]
        with pytest.raises(BadInput, match="expected a block number or hash"):
            await fleet.pool.call(fleet.type, "eth_getBalance", params, result=str, quorum=TWO_OF_THREE)


async def test_a_send_can_have_no_quorum() -> None:
    async with Fleet(Node(), Node()) as fleet:
        with pytest.raises(BadInput, match="expected a read"):
            await fleet.pool.call(fleet.type, "eth_sendRawTransaction", ["0x"], result=str, quorum=TWO_OF_THREE)


async def test_solana_answers_agree_whatever_slot_they_were_read_at() -> None:
    nodes = (Node("solana"), Node("solana"))
    nodes[1].head = HEAD + 3
    async with Fleet(*nodes, provider_type="SOLANA_RPC") as fleet:
        answer = await fleet.pool.call("SOLANA_RPC", "getBalance", ["a"], result=dict, quorum=Quorum(agree=2, ask=2))
        assert answer["value"] == 100
