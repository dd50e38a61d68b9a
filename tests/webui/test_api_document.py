"""The API keeps what its document says, whatever is sent: to every operation data that fits and data that does not."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from openapi_spec_validator import validate
from schemathesis import BaseSchema, GenerationMode
from schemathesis.checks import CHECKS

from tests.shared_data import PROJECT
from tests.webui.api_server import TOKENS, ApiServer
from tests.webui.fake_replays import DONE
from tests.webui.fake_source import FakeSource
from webui.api import table
from webui.api_docs import page
from webui.api_error import CODES
from webui.api_sources import ApiSources

ROWS = table(FakeSource(), ApiSources(), dict)
NAMES = [row.name for row in ROWS]
EXAMPLES = 30
KNOWN = {"name": "cex_dex_arb", "module": "risk", "order_id": "run7-cex_dex_arb-7-0", "replay_id": DONE, "seq": "912"}
LOG_OPERATIONS = {"tailLog": "kernel"}
KEPT = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "allow_header_conformance",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture(scope="module")
def described(server: ApiServer) -> BaseSchema:
    found = schemathesis.openapi.from_dict(server.api.openapi())
    found.config.update(base_url=f"{server.url}/api/v1")
    return found


def try_out(described, name: str, mode: GenerationMode, examples: int, is_known: bool) -> None:  # type: ignore[no-untyped-def]
    operation = described.find_operation_by_id(name)
    checks = CHECKS.get_by_names(KEPT)
    known = KNOWN | {"module": LOG_OPERATIONS.get(name, "risk")}

    @seed(20_260_101)
    @settings(
        max_examples=examples, database=None, deadline=None, derandomize=False, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps_its_word(case: schemathesis.Case) -> None:
        if is_known:
            case.path_parameters = {key: known[key] for key in case.path_parameters or {}}
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKENS['admin']}"}, checks=checks)

    keeps_its_word()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_fits_is_answered_as_the_document_says(described, name: str) -> None:  # type: ignore[no-untyped-def]
    try_out(described, name, GenerationMode.POSITIVE, EXAMPLES, is_known=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused_as_the_document_says(described, name: str) -> None:  # type: ignore[no-untyped-def]
    try_out(described, name, GenerationMode.NEGATIVE, EXAMPLES, is_known=False)


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_its_word_for_long(described, name: str, mode: GenerationMode) -> None:  # type: ignore[no-untyped-def]
    try_out(described, name, mode, 20 * EXAMPLES, is_known=mode is GenerationMode.POSITIVE)


def test_the_document_is_valid_openapi(server: ApiServer) -> None:
    validate(msgspec.json.decode(msgspec.json.encode(server.api.openapi())))


def test_every_operation_is_named_once_and_has_an_example_that_fits_its_structs() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for row in ROWS:
        if row.body is not None:
            msgspec.json.decode(row.example, type=row.body)
        elif row.example:
            msgspec.convert(dict(parse_qsl(row.example)), row.query, strict=False)


def test_queries_and_bodies_refuse_what_they_do_not_know() -> None:
    kinds = [each for row in ROWS for each in (row.query, row.body) if each is not None]
    assert [each.__name__ for each in kinds if not each.__struct_config__.forbid_unknown_fields] == []


def test_every_code_of_the_table_is_one_that_the_errors_know() -> None:
    assert {code for row in ROWS for code in row.errors} <= set(CODES)


def test_types_of_the_same_name_do_not_hide_each_other(server: ApiServer) -> None:
    assert [name for name in server.api.openapi()["components"]["schemas"] if "." in name or "_" in name] == []


def test_the_page_of_the_api_is_as_the_table_makes_it() -> None:
    assert (PROJECT / "docs" / "api.md").read_text() == page(), "run python -m webui.api_docs"
