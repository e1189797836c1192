"""The REST API over a real socket: methods of gRPC by their paths."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.json_format import MessageToDict

from error_daemon.access.methods import ROLES
from error_daemon.errors import Denied, StoreUnavailable, TransientError, Unidentified
from error_daemon.middle import ErrorFilter
from error_daemon.model.access import Caller, Role
from error_daemon.rpc import convert
from error_daemon.rpc.recovery_service import RecoveryService
from error_daemon.web.api.api import routes
from error_daemon.web.api.endpoints import ENDPOINTS, NOT_HERE
from tests.fakes.open_gate import OpenGate
from tests.fakes.told_control import ToldControl
from tests.rpc.recovery_world import DECISION, ID, RECORD, VIEW
from tests.rpc.serving import run
from tests.web.serving_web import Serving, serving
from tests.web.written_openapi import load_contract


@asynccontextmanager
async def api(gate: OpenGate | None = None) -> AsyncIterator[tuple[Serving, ToldControl]]:
    control = ToldControl(VIEW, DECISION, RECORD, None)
    async with serving(gate=gate, routes=routes([RecoveryService(control).service()], most_streams=3)) as http:
        yield http, control


def test_every_method_is_in_the_table_or_has_a_reason_not_to_be() -> None:
    ours = {method for method in ROLES if method.startswith("error_recovery.v1.")}
    assert {endpoint.method for endpoint in ENDPOINTS} | NOT_HERE.keys() == ours
    assert not {endpoint.method for endpoint in ENDPOINTS} & NOT_HERE.keys()


def test_a_verb_and_a_path_lead_to_one_method_whose_fields_the_path_has() -> None:
    assert len({(one.verb, one.path) for one in ENDPOINTS}) == len(ENDPOINTS)
    load_contract()
    for endpoint in ENDPOINTS:
        service, _, name = endpoint.method.partition("/")
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
        assert set(endpoint.in_path) <= set(method.input_type.fields_by_name), endpoint


def test_what_changes_something_is_a_post_and_for_operators() -> None:
    for endpoint in ENDPOINTS:
        is_for_auditors = Role.AUDITOR in ROLES[endpoint.method]
        if not endpoint.method.endswith("/VerifyAudit"):  # that changes nothing but the audit, which has it as an act
            assert (endpoint.verb == "GET") == is_for_auditors, endpoint


def test_a_list_is_asked_for_with_its_filters() -> None:
    async def test() -> None:
        async with api() as (http, control):
            told = await http.ask("GET", "/api/errors?status=open&min_severity=high&type=network&limit=5")
            assert (told.status, told.headers["content-type"]) == (200, "application/json")
            [(_, asked)] = control.asked
            assert asked[0] == ErrorFilter(status="open", min_severity=4, type="network")  # type: ignore[index]
            error = MessageToDict(
                convert.error_message(VIEW), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            assert told.content["errors"] == [error]
            assert told.content["total"] == 17

    run(test())


def test_a_person_acts_by_the_name_that_the_caller_is_known_by() -> None:
    async def test() -> None:
        ann = OpenGate(Caller("token ann", "ann", frozenset({Role.OPERATOR})))
        async with api(ann) as (http, control):
            told = await http.ask("POST", f"/api/errors/{ID}/resolve", {"note": "mended", "by": "Ann"})
            assert (told.status, told.content["error"]["error_id"]) == (200, ID)
            assert control.asked == [("resolve", (ID, "mended", "token ann, as Ann (as they say)"))]
            assert ann.seen[-1][1] == "error_recovery.v1.RecoveryService/ResolveError"
            assert told.headers["cache-control"] == "no-store"

    run(test())


@pytest.mark.parametrize(
    ("path", "field", "says"),
    [
        ("/api/errors?limits=5", "limits", "there are: status, type"),
        ("/api/errors?limit=5000", "limit", "more than 1000"),
        ("/api/errors?limit=5&limit=6", "query", "twice"),
        ("/api/errors?" + "&".join(f"a{n}=1" for n in range(70)), "query", "more names"),
        (f"/api/errors/{ID}?error_id=1", "error_id", "by the path already"),
        (f"/api/errors/{'a' * 300}", "error_id", "300 characters"),
        ("/api/errors/%1b%5b31m", "error_id", "control characters"),
        ("/api/recovery/metrics?since=5&until=4", "until", "empty"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_field(path: str, field: str, says: str) -> None:
    async def test() -> None:
        async with api() as (http, control):
            told = await http.ask("GET", path)
            assert (told.status, told.headers["content-type"]) == (400, "application/problem+json")
            assert told.content["title"] == "Bad Request"
            [wrong] = told.content["errors"]
            assert wrong["field"] == field
            assert says in wrong["detail"]
            assert control.asked == []

    run(test())


def test_an_error_that_is_not_known_is_404() -> None:
    async def test() -> None:
        async with api() as (http, _):
            told = await http.ask("GET", "/api/errors/ffff")
            assert (told.status, told.content["detail"]) == (404, "no error 'ffff' is known")

    run(test())


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_change_is_json_or_nothing(kind: str) -> None:
    async def test() -> None:
        async with api() as (http, control):
            told = await http.ask("POST", "/api/recovery/flush", {"all": True}, Content_Type=kind)
            assert told.status == 415
            assert control.asked == []

    run(test())


def test_a_change_says_nothing_in_its_query() -> None:
    async def test() -> None:
        async with api() as (http, control):
            told = await http.ask("POST", "/api/recovery/flush?all=true", {})
            assert (told.status, told.content["errors"][0]["field"]) == (400, "all")
            assert control.asked == []

    run(test())


def test_who_has_the_answer_already_is_told_so() -> None:
    async def test() -> None:
        async with api() as (http, _):
            first = await http.ask("GET", "/api/errors")
            tag = first.headers["etag"]
            assert first.headers["cache-control"] == "private, no-cache"
            for wanted in (tag, f'"other", {tag}', f"W/{tag}", "*"):
                again = await http.ask("GET", "/api/errors", If_None_Match=wanted)
                assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert (await http.ask("GET", "/api/errors", If_None_Match='"other"')).body == first.body

    run(test())


def test_the_head_of_an_answer_may_be_asked_for_alone() -> None:
    async def test() -> None:
        async with api() as (http, _):
            whole, head = await http.ask("GET", "/api/errors"), await http.ask("HEAD", "/api/errors")
            assert (head.status, head.body) == (200, b"")
            assert {name: head.headers[name] for name in ("etag", "content-length", "content-type")} == {
                name: whole.headers[name] for name in ("etag", "content-length", "content-type")
            }

    run(test())


def test_methods_that_a_path_does_not_have_are_refused_with_those_that_it_has() -> None:
    async def test() -> None:
        async with api() as (http, _):
            for verb in ("POST", "DELETE", "PUT", "PATCH"):
                told = await http.ask(verb, "/api/errors", {})
                assert (told.status, told.headers["allow"]) == (405, "get, head, options")
                assert json.loads(told.body)["status"] == 405
            asked = await http.ask("OPTIONS", "/api/pause")
            assert (asked.status, asked.headers["allow"]) == (204, "options, post")

    run(test())


@pytest.mark.parametrize(
    ("refusal", "status", "header", "member"),
    [
        (Unidentified("nobody knows", "NO_IDENTITY", {}), 401, "www-authenticate", "reason"),
        (Denied("is for operator", "ROLE_MISSING", {}), 403, "", "reason"),
        (TransientError("50 calls in a second", 1.5), 429, "retry-after", "retry_after_s"),
        (StoreUnavailable("its writer is away"), 503, "", "detail"),
    ],
)
def test_refusals_are_problems_with_what_a_program_needs(
    refusal: Exception, status: int, header: str, member: str
) -> None:
    async def test() -> None:
        gate = OpenGate()
        gate.refusal = refusal
        async with api(gate) as (http, _):
            told = await http.ask("GET", "/api/errors")
            assert (told.status, told.headers["content-type"]) == (status, "application/problem+json")
            assert told.content["status"] == status
            assert member in told.content
            assert not header or header in told.headers

    run(test())


@pytest.mark.parametrize(
    "said",
    [
        {"Origin": "https://any.example"},
        {"Origin": "null"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
        {"Host": "any.example:8089"},
        {"Host": "any.example:8089", "Origin": "http://any.example:8089", "Sec_Fetch_Site": "same-origin"},
        {"Host": "localhost.any.example"},
        {"Host": ""},
    ],
)
def test_a_page_of_elsewhere_sees_and_changes_nothing(said: dict[str, str]) -> None:
    async def test() -> None:
        async with api() as (http, control):
            for told in (
                await http.ask("GET", "/api/errors", **said),
                await http.ask("POST", "/api/recovery/flush", {"all": True}, **said),
            ):
                assert told.status == 403
                assert not any(name.startswith("access-control") for name in told.headers)
            assert control.asked == []

    run(test())


@pytest.mark.parametrize(
    "said",
    [
        {"Origin": "http://localhost"},
        {"Host": "127.0.0.1:8089", "Origin": "http://127.0.0.1:8089", "Sec_Fetch_Site": "same-origin"},
        {"Host": "[::1]:8089", "Origin": "http://[::1]:8089"},
        {"Host": "Dash.LocalHost", "Origin": "http://dash.localhost"},
        {"Host": "10.1.2.3"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_a_page_of_this_server_sees_what_a_program_does(said: dict[str, str]) -> None:
    async def test() -> None:
        async with api() as (http, _):
            told = await http.ask("GET", "/api/errors", **said)
            assert told.status == 200
            assert told.headers["content-security-policy"].startswith("default-src 'self'")
            assert told.headers["x-content-type-options"] == "nosniff"
            assert told.headers["referrer-policy"] == "no-referrer"
            assert (await http.ask("POST", "/api/resume", {}, **said)).status == 200

    run(test())
