"""The FastAPI application: routes, bounded bodies, errors as problem JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tournee.errors import TourneeError
from tournee.web import openapi, problem, views
from tournee.web.problem import Problem
from tournee.web.request import MAX_BODY_BYTES, Demande, read

_log = logging.getLogger(__name__)


def create_app(*, today: Callable[[], date]) -> FastAPI:
    """The API; `today` is asked when a request does not say its own. No interactive page: those load scripts from elsewhere."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/evaluate")
    async def evaluate(request: Request) -> Response:
        return await _answer(request, today, views.evaluation)

    @app.post("/v1/questions")
    async def questions(request: Request) -> Response:
        return await _answer(request, today, views.questions)

    @app.post("/v1/price")
    async def price(request: Request) -> Response:
        return await _answer(request, today, views.price)

    @app.get("/v1/tables/{row_id:path}")
    async def table_row(row_id: str) -> Response:
        return _guarded(lambda: views.table_row(row_id))

    @app.get("/v1/openapi.json")
    async def described() -> Response:
        return _json(openapi.document())

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return _http(error.status_code, error.headers)

    return app


async def _answer(request: Request, today: Callable[[], date], view: Callable[[Demande], dict[str, Any]]) -> Response:
    try:
        raw = await _body(request)
    except Problem as found:
        return _problem(found)
    return await run_in_threadpool(_guarded, lambda: view(read(raw, today=today())))


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "media_type", "type de corps refusé", "envoyez Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Problem(413, "too_long", f"plus de {MAX_BODY_BYTES} octets", "envoyez une facture à la fois")
    return bytes(body)


def _guarded(work: Callable[[], dict[str, Any]]) -> Response:
    try:
        return _json(work())
    except Problem as found:
        return _problem(found)
    except TourneeError as error:
        return _problem(problem.refused(error))
    except Exception as error:
        ours = problem.bug(error)
        _log.error("%s", ours.detail)
        return _problem(ours)


def _http(status: int, headers: Any) -> Response:
    code = {404: "not_found", 405: "method"}.get(status, "http")
    return _problem(Problem(status, code, "adresse ou méthode inconnue", "voir /v1/openapi.json"), headers)


def _problem(found: Problem, headers: Any = None) -> Response:
    return _json(found.document(), found.status, problem.MEDIA_TYPE, headers)


def _json(document: Any, status: int = 200, media_type: str = "application/json", headers: Any = None) -> Response:
    text = json.dumps(document, ensure_ascii=False)
    return Response(text.encode(), status, {**(headers or {}), "Cache-Control": "no-store"}, media_type)
