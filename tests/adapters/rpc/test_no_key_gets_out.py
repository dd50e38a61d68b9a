"""A key in a URL appears in no error, no alert, no snapshot and no traceback, whatever the endpoint does."""

import traceback
from typing import Any

import msgspec
import pytest

from kernel.errors import ConfigError, KernelError
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.secrets.secret import Secret
from tests.adapters.rpc.fleet import FAULTS, Fleet, Node

KEY = "c0ffee" * 2 + "q"  # no shape that a scrubber would know
FORMS = ["http://127.0.0.1:{port}/{KEY}", "http://127.0.0.1:{port}/?api-key={KEY}", "https://127.0.0.1:{port}/{KEY}"]


async def resolve(name: str) -> Secret:
    assert name == "RPC_KEY_MY_NODE"
    return Secret(KEY)


def spoken(error: BaseException) -> str:
    """All that a log might hold: text, fields, causes and contexts."""
    seen: list[str] = []
    each: BaseException | None = error
    while each is not None:
        seen += [str(each), repr(each), repr(each.args), repr(vars(each))]
        each = each.__cause__ or each.__context__
    return "".join([*seen, *traceback.format_exception(error)])


CASES = [(FORMS[0], fault) for fault in (*FAULTS, "http_401", "http_404", "redirect", "revert", "dead")]
CASES += [(form, fault) for form in FORMS[1:] for fault in ("http_500", "reset", "redirect", "dead")]


@pytest.mark.parametrize(("form", "fault"), CASES)
async def test_no_key_gets_out(form: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with Fleet(Node(fault=fault), runs_checks=False, attempt_timeout_s=0.05) as fleet:
        fleet.pool._transport._resolve = resolve
        url = Secret(form.replace("{port}", str(fleet.nodes[0].port)))
        fleet.pool.replace([RpcEndpoint(provider_type=fleet.type, label="my node", url=url)])
        if fault == "dead":
            await fleet.nodes[0].stop()
        out: list[str] = []
        for method in ("eth_getBalance", "eth_sendBundle"):
            try:
                await fleet.pool.call(fleet.type, method, ["0x1", "0x2"], result=str, timeout_s=0.08)
            except KernelError as error:
                out.append(spoken(error))
        if form.startswith("http:") and fault != "dead":
            assert any(KEY in query for query in fleet.nodes[0].queries), "the key did not reach the endpoint"
        out += [repr(fleet.told.said), msgspec.json.encode(fleet.pool.snapshot()).decode(), caplog.text]
        assert KEY not in "".join(out)
        assert out[-2].count("my node") == 1


async def test_a_socket_that_is_refused_does_not_tell_its_url() -> None:
    async with Fleet(Node(fault="http_500"), provider_type="ETHEREUM_WS", runs_checks=False) as fleet:
        fleet.pool._transport._resolve = resolve
        url = Secret(f"ws://127.0.0.1:{fleet.nodes[0].port}/ws?k={{KEY}}")
        fleet.pool.replace([RpcEndpoint(provider_type=fleet.type, label="my node", url=url)])
        assert "HTTP 503" in await fleet.pool.check(fleet.type, "my node")
        assert KEY not in repr(fleet.pool.snapshot())


async def test_a_missing_key_is_named_and_the_others_are_asked() -> None:
    async def none(name: str) -> Secret:
        raise ConfigError(f"secret {name}: not set")

    async with Fleet(Node()) as fleet:
        fleet.pool._transport._resolve = none
        (good,) = fleet.endpoints()
        keyed: Any = RpcEndpoint(
            provider_type=fleet.type, label="my node", url=Secret("http://127.0.0.1:1/{KEY}"), priority=1
        )
        fleet.pool.replace([keyed, good])
        assert await fleet.balance() == "0x64"
        shown = next(each for each in fleet.pool.snapshot().endpoints if each.label == "my node")
        assert shown.state == "no_key" and "RPC_KEY_MY_NODE" in shown.last_error


def test_an_endpoint_does_not_print_its_url() -> None:
    endpoint = RpcEndpoint(provider_type="ETHEREUM_RPC", label="a", url=Secret("https://h.example/" + KEY))
    assert KEY not in repr(endpoint)
