"""The OpenAPI document of the interface, made from the table of routes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from firth._version import __version__
from firth.explorer.parameters import Parameter
from firth.explorer.routes import ERROR, EVENTS, ROUTES, Route

EVERYWHERE = (405, 413, 414, 421, 431, 500)
"""Errors of every address."""


def document() -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "firth",
            "version": __version__,
            "description": "What a model of word vectors knows: neighbours, analogies, axes, a map. "
            "The answers are those of the command line's --json.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {route.path: {"get": _operation(route)} for route in (*ROUTES, EVENTS)},
        "components": {
            "schemas": {"Error": ERROR},
            "responses": {
                HTTPStatus(status).phrase.replace(" ", "").replace("-", ""): _error(status)
                for status in _statuses()
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    content = {media_type: {"schema": route.schema or {}} for media_type in route.media_types}
    responses: dict[str, Any] = {"200": {"description": route.summary, "content": content}}
    for status in sorted({*route.statuses, *EVERYWHERE}):
        name = HTTPStatus(status).phrase.replace(" ", "").replace("-", "")
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return {
        "operationId": route.path.strip("/").replace("/", "_"),
        "summary": route.summary,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": responses,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
        **({"style": "form", "explode": True} if parameter.repeated else {}),
    }


def _statuses() -> Iterable[int]:
    return sorted({*EVERYWHERE, *(status for route in (*ROUTES, EVENTS) for status in route.statuses)})


def _error(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/json": {"schema": schema}},
    }
