"""Every operation that reads answers as its document says, over a kernel that runs: the demo, without a database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import BaseSchema, GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.schemas import APIOperation

from bus.clock import WallClock
from kernel.compose.api import api_part
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability, log_settings_of
from kernel.compose.secret_environment import SecretEnvironment
from kernel.compose.secret_parts import SecretParts
from kernel.compose.services import Services
from kernel.compose.system_pages import parts_of, system_sources
from kernel.profile import load_profile
from tests.webui.api_server import TOKENS, WIDE
from tests.webui.people import token, write
from webui.accounts import AccountsFile
from webui.api import Api
from webui.part import Part

pytestmark = pytest.mark.slow
SPEED = 600.0
EXAMPLES = 8
WAIT_S = 30.0
FILLS_MIN = 2  #: so that lists have rows
LEFT_OUT = {"listReplayChoices", "listSettingsHistory"}  #: reads every bundled log; answers 503 without a database
KEPT = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]


class Served(Services):
    """All that `run` serves, with the API in front."""

    api: Api

    def parts(self) -> tuple[Part, ...]:
        system = system_sources(self.process, None)
        self.api = api_part(system, self.forms(), self.replays, self.watch, self.rpc)
        return (self.api, *parts_of(system))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    profile = load_profile("demo", {})
    profile = msgspec.structs.replace(
        profile,
        feed=msgspec.structs.replace(profile.feed, speed=SPEED),
        web=msgspec.structs.replace(profile.web, port=0),
        platform=profile.platform | {"dashboard": WIDE},
    )
    write(tmp_path, AccountsFile(tokens=tuple(token(role, role, text) for role, text in TOKENS.items())))
    process = KernelProcess(profile, tmp_path, is_with_db=False)
    watch = Observability(log_settings_of({}), tmp_path)
    watch.start_logs()
    secrets = SecretParts(
        profile, tmp_path, SecretEnvironment(), None, WallClock(), on_first_seen=lambda module, name: None
    )
    services = Served(process, None, None, watch, secrets)
    await services.prepare()
    await process.start()
    await services.start()
    yield services
    await services.stop_working()
    await process.stop()
    await services.stop()
    watch.stop()
    process.release()


async def until_filled(services: Served) -> list[str]:
    """Wait for trades; the ids of their orders."""
    seen, core = asyncio.Event(), services.process.core
    assert services.web is not None

    def look(*_: object) -> None:
        if (
            not seen.is_set()
            and core.bus.seq % 50 == 0
            and len(services.web._source.overview().recent_trades) >= FILLS_MIN
        ):  # type: ignore[union-attr]
            seen.set()

    core.bus.tap(look)
    await asyncio.wait_for(seen.wait(), WAIT_S)
    return [each.order_id for each in services.web._source.overview().recent_trades]


def ask_everything(described: BaseSchema, known: dict[str, str], statuses: dict[str, set[int]]) -> None:
    for result in described.get_all_operations():
        operation = result.ok()
        name = operation.definition.raw["operationId"]
        if operation.method.upper() == "GET" and name not in LEFT_OUT:
            here = known | ({"module": "kernel"} if name == "tailLog" else {})
            ask(operation, here, statuses.setdefault(name, set()))


def ask(operation: APIOperation, known: dict[str, str], statuses: set[int]) -> None:
    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def keeps_its_word(case: schemathesis.Case) -> None:
        case.path_parameters = {key: known[key] for key in case.path_parameters or {}}
        answer = case.call_and_validate(
            headers={"Authorization": f"Bearer {TOKENS['viewer']}"}, checks=CHECKS.get_by_names(KEPT)
        )
        statuses.add(answer.status_code)

    keeps_its_word()


async def test_what_a_running_kernel_answers_is_what_the_document_says(served: Served) -> None:
    order_ids = await until_filled(served)
    order = order_ids[0]
    strategy = next(each for each in served.process.core.runner.slots if each in order)
    assert served.web is not None
    described = schemathesis.openapi.from_dict(served.api.openapi())
    described.config.update(base_url=f"{served.web.url}/api/v1")
    known = {"name": strategy, "module": "risk", "order_id": order, "seq": "3", "replay_id": "none"}
    statuses: dict[str, set[int]] = {}
    await asyncio.to_thread(ask_everything, described, known, statuses)
    answered = {name for name, found in statuses.items() if 200 in found}
    assert set(statuses) - answered == {"getReplay", "getReplayResult"}  # nobody has asked for a replay
