"""The OpenAPI document is what the API is, and is served as it is shipped."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from error_daemon.web.api.endpoints import ENDPOINTS
from tests.rpc.serving import run
from tests.web.listening import telling
from tests.web.written_openapi import PLACE, ROOT, text


def test_what_is_shipped_is_what_the_api_is() -> None:
    assert PLACE.read_text() == text(), "run `make openapi`"


def test_every_endpoint_is_in_it_and_every_reference_leads_somewhere() -> None:
    document = json.loads(text())
    assert {(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs} == {
        (endpoint.verb, endpoint.path) for endpoint in ENDPOINTS
    }
    for reference in _references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_endpoint_is_on_its_page() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    assert [one.path for one in ENDPOINTS if f"| `{one.verb} {one.path}` |" not in page] == []


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(_references, node.values()))
    return set().union(*map(_references, node)) if isinstance(node, list) else set()


def test_fields_have_the_words_of_proto() -> None:
    schemas = json.loads(text())["components"]["schemas"]
    assert schemas["Error"]["properties"]["count"] == {
        "type": "string",
        "pattern": "^-?[0-9]+$",
        "description": "equal faults folded into it",
    }
    assert schemas["Status"]["enum"][1] == "STATUS_OPEN"


def test_it_is_served_and_need_not_be_sent_twice() -> None:
    async def test() -> None:
        async with telling() as here:
            told = await here.http.ask("GET", "/api/openapi.json")
            assert (told.status, told.content["openapi"]) == (200, "3.1.0")
            again = await here.http.ask("GET", "/api/openapi.json", If_None_Match=told.headers["etag"])
            assert (again.status, again.body) == (304, b"")

    run(test())
