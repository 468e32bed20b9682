"""The service: a few routes around one model, and the page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from hairseg import __version__
from hairseg.hair import Hair
from hairseg.models import ModelInfo
from hairseg.segmenter import Segmenter
from hairseg.serve import options as ask
from hairseg.serve.assets import Asset, describe
from hairseg.serve.files import page_response
from hairseg.serve.guard import Guard
from hairseg.serve.metrics import TYPE
from hairseg.serve.problem import problem
from hairseg.serve.reference import STYLE_POLICY, reference
from hairseg.serve.schema import ANSWERS, BODY
from hairseg.serve.service import Limits, Service


def create_app(
    segmenter: Segmenter,
    models: Sequence[ModelInfo],
    page: dict[str, Asset],
    *,
    limits: Limits | None = None,
    hosts: Sequence[str] | None = None,
    origins: Sequence[str] = (),
) -> FastAPI:
    """The service as an ASGI app.

    Args:
        segmenter: the one model that answers.
        models: that ``/models`` lists.
        page: address to content, as :func:`hairseg.serve.assets.assets` gives; empty for no page.
        limits: of each request; None for the defaults.
        hosts: names under which it may be addressed; None for any.
        origins: other sites whose pages may ask (CORS).
    """
    service = Service(segmenter, limits or Limits())
    middleware = [Middleware(Guard, hosts=hosts, origins=origins)]
    if origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(origins),
                allow_methods=["GET", "POST"],
                expose_headers=["Retry-After"],
            )
        )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        yield
        service.desk.close()

    app = FastAPI(
        title="hairseg",
        version=__version__,
        summary="Finds hair in photos. Photos are neither kept nor logged.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=middleware,
    )
    _add_errors(app)
    _add_verbs(app, service)
    _add_facts(app, service, models, with_page=bool(page))
    if page:
        _add_page(app, page)
    return app


def _add_errors(app: FastAPI) -> None:
    """Problems instead of the framework's own errors."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        response = problem(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = first["loc"][-1] if first["loc"] else "request"
        what = first["msg"].removeprefix("Value error, ")
        return problem(422, f"option {name}: {what}; see /docs")

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:  # the server logs its traceback
        return problem(500, f"this is a bug of hairseg ({type(error).__name__}): please report it")


def _add_verbs(app: FastAPI, service: Service) -> None:
    """The routes that take a photo."""

    @app.post("/mask", openapi_extra=BODY, responses=ANSWERS, response_class=Response, tags=["photo"])
    async def mask(request: Request, options: Annotated[ask.Mask, Query()]) -> Response:
        """Where the hair is: a grey PNG, 0 for background and 255 for hair; or its run lengths."""
        return await service.answer(request, "mask", options, lambda hair: hair.mask_image(options.edge))

    @app.post("/cutout", openapi_extra=BODY, responses=ANSWERS, response_class=Response, tags=["photo"])
    async def cutout(request: Request, options: Annotated[ask.Cutout, Query()]) -> Response:
        """The hair alone on a transparent ground."""
        return await service.answer(request, "cutout", options, lambda hair: hair.cutout(edge=options.edge))

    @app.post("/overlay", openapi_extra=BODY, responses=ANSWERS, response_class=Response, tags=["photo"])
    async def overlay(request: Request, options: Annotated[ask.Overlay, Query()]) -> Response:
        """The photo with the hair tinted, to see what was found."""

        def paint(hair: Hair) -> Image.Image:
            return hair.overlay(options.color, options.strength, edge=options.edge)

        return await service.answer(request, "overlay", options, paint)

    @app.post("/recolor", openapi_extra=BODY, responses=ANSWERS, response_class=Response, tags=["photo"])
    async def recolor(request: Request, options: Annotated[ask.Recolor, Query()]) -> Response:
        """The photo with the hair dyed."""

        def paint(hair: Hair) -> Image.Image:
            return hair.recolor(
                options.color, options.strength, tips=options.tips, lift=options.lift, edge=options.edge
            )

        return await service.answer(request, "recolor", options, paint)


def _add_facts(app: FastAPI, service: Service, models: Sequence[ModelInfo], *, with_page: bool) -> None:
    """The routes that tell about the service."""
    known = [{**describe(model), "serving": model == service.segmenter.info} for model in models]

    @app.get("/models", tags=["service"])
    async def list_models() -> list[dict[str, Any]]:
        """The models with their preprocessing and scores; `serving` marks the one that answers."""
        return known

    @app.head("/health", include_in_schema=False)
    @app.get("/health", tags=["service"])
    async def health() -> dict[str, str]:
        """Whether the service can answer."""
        return {"status": "ok", "model": service.segmenter.info.name, "version": __version__}

    @app.get("/metrics", tags=["service"], response_class=Response)
    async def metrics() -> Response:
        """Counts and times for Prometheus."""
        return Response(service.metrics.text(), media_type=TYPE)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = reference(app.openapi(), with_page=with_page)
        return HTMLResponse(page, headers={"Content-Security-Policy": STYLE_POLICY})


def _add_page(app: FastAPI, page: dict[str, Asset]) -> None:
    """The page's files; only what is listed exists."""
    allowed: dict[str, set[str]] = {}
    for route in app.routes:
        if isinstance(route, Route):
            allowed.setdefault(route.path, set()).update(route.methods or ())

    @app.api_route("/{address:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def file(request: Request, address: str) -> Response:
        methods = allowed.get(f"/{address}")
        if methods:  # this route takes what the others do not: a wrong method, too
            detail = f"/{address} does not take {request.method}: use {' or '.join(sorted(methods))}"
            raise HTTPException(405, detail, {"Allow": ", ".join(sorted(methods))})
        return page_response(page, address or "index.html", request.headers.get("if-none-match"))
