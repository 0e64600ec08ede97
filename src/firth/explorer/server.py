"""The server: routes to answers, answers to HTTP, in a thread of its own."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as StarletteRoute

from firth.errors import ConfigError, FirthError, UnknownWordError
from firth.explorer.openapi import document
from firth.explorer.parameters import RequestError, read_query
from firth.explorer.payload import JSON_TYPE, Payload, json_payload
from firth.explorer.routes import EVENTS, ROUTES, Route
from firth.explorer.safety import Guard, Hosts, error_body
from firth.explorer.site import Site
from firth.explorer.static_files import static_files

LISTENERS = 32
"""Event streams at a time: each costs a little work as long as it is open."""

REASONS = {
    404: "there is nothing at this address: /openapi.json lists what there is",
    500: "something is wrong in firth: the terminal where it runs says what",
}

Endpoint = Callable[[Request], Awaitable[Response]]


def application(site: Site, hosts: Hosts) -> Guard:
    """Return the ASGI application that answers for a site."""
    routes = [StarletteRoute(route.path, _endpoint(route, site)) for route in ROUTES]
    routes.append(StarletteRoute(EVENTS.path, _events_endpoint(site)))
    fixed = {**static_files(), "/openapi.json": json_payload(document(), cache="no-cache")}
    routes += [StarletteRoute(path, _fixed_endpoint(payload)) for path, payload in fixed.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Exception: _http_error})
    app.router.redirect_slashes = False
    return Guard(app, hosts)


def _endpoint(route: Route, site: Site) -> Endpoint:
    """Return what answers a route."""
    waits = inspect.iscoroutinefunction(route.answer)

    def answered(arguments: dict[str, Any]) -> Payload:
        return _payload(route.answer(site, **arguments))

    async def respond(request: Request) -> Response:
        try:
            arguments = read_query(route.parameters, request.scope["query_string"])
            if waits:
                payload = _payload(await route.answer(site, **arguments))
            elif route.slow:
                payload = await site.in_thread(answered, arguments)
            else:
                payload = answered(arguments)
        except FirthError as error:
            return _refusal(error)
        return await _response(payload, request, site)

    return respond


def _payload(answer: Any) -> Payload:
    return answer if isinstance(answer, Payload) else json_payload(answer)


def _fixed_endpoint(payload: Payload) -> Endpoint:
    async def respond(request: Request) -> Response:
        return await _response(payload, request, None)

    return respond


def _events_endpoint(site: Site) -> Endpoint:
    """Return what streams events, to a bounded number of listeners."""
    listening = 0

    async def stream(pins: list[str], model: int) -> AsyncIterator[bytes]:
        nonlocal listening
        listening += 1
        try:
            async for event in EVENTS.answer(site, pins, model):
                yield event
        finally:
            listening -= 1

    async def respond(request: Request) -> Response:
        try:
            arguments = read_query(EVENTS.parameters, request.scope["query_string"])
            site.model(arguments["model"])
        except RequestError as error:
            return _refusal(error)
        if listening >= LISTENERS:
            return _error(HTTPStatus.TOO_MANY_REQUESTS, f"{LISTENERS} pages listen already: close one")
        headers, kind = {"cache-control": "no-store"}, EVENTS.media_types[0]
        if request.method == "HEAD":
            return Response(headers=headers, media_type=kind)
        body = stream(arguments["pin"], arguments["model"])
        return StreamingResponse(body, headers=headers, media_type=kind)

    return respond


async def _response(payload: Payload, request: Request, site: Site | None) -> Response:
    """Return an answer with what a browser may remember of it; compressed where that is accepted."""
    headers = {"cache-control": payload.cache}
    if payload.etag is not None:
        headers["etag"] = f'"{payload.etag}"'
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if payload.filename is not None:
        headers["content-disposition"] = f'attachment; filename="{payload.filename}"'
    body = payload.body
    if payload.compressible:
        headers["vary"] = "accept-encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            unkept = payload.kept is None and site is not None
            body = await site.in_thread(lambda: payload.packed) if unkept and site else payload.packed
    return Response(body, headers=headers, media_type=payload.media_type)


STATUSES = ((ConfigError, HTTPStatus.BAD_REQUEST), (UnknownWordError, HTTPStatus.NOT_FOUND))


def _refusal(error: FirthError) -> Response:
    """Answer with what is wrong: in the request, or (500) in the model."""
    if isinstance(error, RequestError):
        return _error(error.status, str(error), error.more)
    found = (status for kind, status in STATUSES if isinstance(error, kind))
    return _error(next(found, HTTPStatus.INTERNAL_SERVER_ERROR), str(error))


def _error(status: int, message: str, more: dict[str, Any] | None = None) -> Response:
    body = error_body(status, message, **(more or {}))
    return Response(body, status, {"cache-control": "no-store"}, media_type=JSON_TYPE)


async def _http_error(_request: Request, error: Exception) -> Response:
    """Answer what the router refuses, an address that is not there; and what nobody foresaw."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return _error(status, REASONS.get(status, HTTPStatus(status).phrase))
