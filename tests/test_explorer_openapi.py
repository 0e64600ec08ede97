"""The interface against its own document: schemathesis makes up requests, sound ones and others."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

from explorer_site import HOSTILE, client_of, small_model  # noqa: E402
from firth.explorer.routes import EVENTS, ROUTES  # noqa: E402

EXAMPLES = 25
HERE = {"Host": "localhost"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("site")
    with client_of(small_model(), small_model(50, seed=4), folder=folder) as (client, _):
        yield client


@pytest.fixture(scope="module")
def schema(client: Any) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", client.app, headers=HERE)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("path", [route.path for route in ROUTES])  # not the events: a stream has no end
def test_requests_that_schemathesis_makes_up(schema: Any, path: str, mode: str) -> None:
    asked = []

    @seed(1)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=schema[path]["GET"].as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def check(case: Any) -> None:
        reply = case.call(headers=HERE)
        asked.append(reply.status_code)
        too_long = reply.status_code == 414  # whatever else may be wrong
        unsaid = path == "/api/axes"  # that a2 and b2 go together, OpenAPI cannot say
        excluded = [checks.positive_data_acceptance] * (too_long or unsaid)
        excluded += [checks.negative_data_rejection] * too_long
        case.validate_response(reply, headers=HERE, excluded_checks=excluded)

    try:
        check()
    except Unsatisfiable:
        pytest.skip("there are no wrong requests to an address without parameters")
    assert asked
    assert max(asked) < 500


def test_the_document_names_every_route(client: Any) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert set(document["paths"]) == {route.path for route in (*ROUTES, EVENTS)}
    word = document["paths"]["/api/neighbors"]["get"]["parameters"][0]
    assert (word["name"], word["required"], word["schema"]["maxItems"]) == ("word", True, 100)


SOUND = {
    "/healthz": [{}],
    "/api/models": [{}],
    "/api/complete": [{"q": "ki"}, {"q": "kinng"}],
    "/api/neighbors": [{"word": ["king", "東京", *HOSTILE]}, {"word": "king", "topn": 1000, "model": 1}],
    "/api/similarity": [{"a": "king", "b": "queen"}, {"a": "king", "b": "king"}, {"a": "king", "b": "never"}],
    "/api/analogy": [{"positive": ["king", "woman"], "negative": "man"}, {"positive": "never"}],
    "/api/axes": [{"a": "man", "b": "woman,queen", "word": HOSTILE}, {"a": "a,b", "b": "man"}],
    "/api/compare/word": [{"word": "king"}],
    "/api/compare/differences": [{"limit": 3}],
    "/api/training": [{}, {"model": 1}],
    "/api/map": [{}, {"model": 1}],
}
"""Requests that must be answered with 200, by address; the map's are tested with the map."""


@pytest.mark.parametrize("path", SOUND)
def test_answers_have_the_shape_that_the_document_says(client: Any, path: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    route = next(route for route in ROUTES if route.path == path)
    for parameters in SOUND[path]:
        reply = client.get(path, params=parameters)
        assert reply.status_code == 200, reply.text
        jsonschema.validate(reply.json(), route.schema)
