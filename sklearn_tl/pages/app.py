"""The page of a model: drop photographs on it, look at the answers, correct them."""

import contextlib
import io
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sklearn_tl.answers import Sureness, answers_of, ask_each, with_remarks
from sklearn_tl.datasets import without_position
from sklearn_tl.inspection import map_picture, picture_of
from sklearn_tl.pages.photos import LIMITS, LimitError, Limits, Photo, Session
from sklearn_tl.pages.review import Review
from sklearn_tl.pages.server import make_app, read_json

SIDES = {"small": 360, "large": 1200}  # of pictures, in pixels
PROBE = 64  # pixels: the side of a grey image that is asked about before the page opens


def model_app(
    model: Any,
    name: str,
    in_words: Callable[[str, str], str] = without_position,
    limits: Limits = LIMITS,
    token: str | None = None,
) -> Starlette:
    """Return an application in which people ask a model about their photographs.

    Parameters
    ----------
    model : classifier with `predict_proba`, or regressor
        Fitted on images.
    name : str
        What the page calls the model.
    in_words : callable, default=`without_position`
        Takes the path of an image and the message of an error, and returns what is wrong.
    limits : Limits, default=LIMITS
        What may be uploaded. Files lie in a temporary folder until the application ends.
    token : str, default=None
        See `make_app`.

    Returns
    -------
    app : starlette.applications.Starlette
        For `serve`.

    Raises
    ------
    ValueError
        If the model cannot answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        probe = str(Path(folder, "probe.png"))
        Image.new("RGB", (PROBE, PROBE), "grey").save(probe)
        answers = with_remarks(answers_of(model, [probe]), model)
        # The network is loaded before the page opens, so that an error is seen in the terminal.
        list(ask_each(answers.ask, [probe]))
        has_maps = _has_maps(model, answers.kind, probe)
    review = Review(answers, in_words, limits)
    page = _Page(model, name, review, has_maps)

    @contextlib.asynccontextmanager
    async def with_folder(app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="sklearn-tl-") as folder:
            review.folder = Path(folder)
            yield

    return make_app("app.html", page.routes(), with_folder, token)


class _Page:
    """The routes of the page. Each belongs to a session, and to a photo of this session."""

    def __init__(self, model: Any, name: str, review: Review, has_maps: bool) -> None:
        self.model = model
        self.name = name
        self.review = review
        self.has_maps = has_maps

    def routes(self) -> list[Route]:
        photos, photo = "/api/{session}/photos", "/api/{session}/photos/{photo}"
        return [
            Route("/api/model", self.describe),
            Route("/api/sessions", self.open_session, methods=["POST"]),
            Route(photos, self.list_photos),
            Route(photos, self.add, methods=["POST"]),
            Route(photos, self.remove_all, methods=["DELETE"]),
            Route(photo, self.remove, methods=["DELETE"]),
            Route(f"{photo}/picture", self.picture),
            Route(f"{photo}/map", self.map),
            Route(f"{photo}/correction", self.correct, methods=["PUT"]),
            Route("/api/{session}/answers.csv", self.table),
        ]

    def describe(self, request: Request) -> Response:
        """Say what the model predicts, and what the page takes."""
        answers, limits = self.review.answers, self.review.limits
        sureness = Sureness.from_model(self.model)
        reached = [] if sureness is None else sureness.reached()
        return JSONResponse(
            {
                "name": self.name,
                "kind": answers.kind,
                "names": answers.names,
                "has_maps": self.has_maps,
                "knows_novel": answers.has_remarks,
                "errors": [{"error": error, "least": least} for error, least in reached],
                "photo_bytes": limits.photo_bytes,
                "n_photos": limits.n_photos,
            }
        )

    def open_session(self, request: Request) -> Response:
        """Begin a session: the page was opened in a new tab."""
        try:
            return JSONResponse({"session": self.review.open_session()})
        except LimitError as error:
            raise HTTPException(429, str(error)) from error

    def list_photos(self, request: Request) -> Response:
        """Return all photos of a session, for a page that was loaded again."""
        photos = self._session(request).in_order()
        return JSONResponse([self.review.described(key, photo) for key, photo in photos])

    async def add(self, request: Request) -> Response:
        """Take a file, which is the body of the request, and answer.

        A file that is too large or cannot be read becomes a photo with an error.
        """
        session, given = self._session(request), request.query_params
        try:
            declared = int(given.get("size", "0"))
            photo = self.review.begin(session, given.get("name", "image"), declared)
        except LimitError as error:
            raise HTTPException(413, str(error)) from error
        except ValueError as error:
            raise HTTPException(400, f"size must be a number of bytes: {error}.") from error
        try:
            if not photo.error:
                await self._receive(request, photo)
            if not photo.error:
                await run_in_threadpool(self.review.ask, photo)
        except BaseException:  # somebody left, or the model failed
            self.review.forget(photo)
            raise
        key = self.review.keep(session, photo)
        return JSONResponse(self.review.described(key, photo))

    async def _receive(self, request: Request, photo: Photo) -> None:
        """Write the body of a request to the file of a photo, until it has an error."""
        self.review.write(photo, b"")  # a file without content is a file, too
        async for part in request.stream():
            if not photo.error:  # the browser listens to an answer after it has sent everything
                self.review.write(photo, part)

    def remove(self, request: Request) -> Response:
        """Remove one photo."""
        self.review.forget(self._photo(request))
        del self._session(request).photos[request.path_params["photo"]]
        return JSONResponse({})

    def remove_all(self, request: Request) -> Response:
        """Remove all photos of a session."""
        photos = self._session(request).photos
        while photos:
            self.review.forget(photos.popitem()[1])
        return JSONResponse({})

    def picture(self, request: Request) -> Response:
        """Return a picture that every browser shows, whatever the format of the file."""
        photo = self._readable(request)
        side = SIDES.get(request.query_params.get("size", "small"), SIDES["small"])
        return _jpeg(picture_of(self.model, str(photo.path), side))

    def map(self, request: Request) -> Response:
        """Return a picture that shows where the network looked for the class that it predicts."""
        photo = self._readable(request)
        assert photo.answer is not None  # it is readable
        label = np.asarray(self.model.classes_)[photo.answer.chosen[0]]
        try:
            with self.review.model_lock:
                lit = map_picture(self.model, str(photo.path), label, SIDES["large"])
            return _jpeg(lit)
        except (TypeError, ValueError) as error:
            raise HTTPException(409, f"This model has no maps: {error}") from error

    async def correct(self, request: Request) -> Response:
        """Keep what a person says of a photo."""
        photo, body = self._photo(request), await read_json(request)
        try:
            self.review.correct(photo, body.get("value"))
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse(self.review.described(request.path_params["photo"], photo))

    def table(self, request: Request) -> Response:
        """Return the answers and the corrections as a file for a spreadsheet."""
        least = request.query_params.get("least")
        try:
            threshold = None if least is None else float(least)
        except ValueError as error:
            raise HTTPException(400, f"least must be a number: {error}.") from error
        content = self.review.table(self._session(request), threshold)
        headers = {"Content-Disposition": 'attachment; filename="answers.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    def _session(self, request: Request) -> Session:
        try:
            return self.review.sessions[request.path_params["session"]]
        except KeyError as error:
            raise HTTPException(404, "This session has ended. Load the page again.") from error

    def _photo(self, request: Request) -> Photo:
        try:
            return self._session(request).photos[request.path_params["photo"]]
        except KeyError as error:
            raise HTTPException(404, "This image was removed.") from error

    def _readable(self, request: Request) -> Photo:
        photo = self._photo(request)
        if photo.answer is None:
            raise HTTPException(404, photo.error)
        return photo


def _has_maps(model: Any, kind: str, probe: str) -> bool:
    """Return whether the model may have maps. Only an image can tell for sure."""
    if kind != "classification":
        return False
    try:
        map_picture(model, probe, np.asarray(model.classes_)[0], PROBE)
    except TypeError:
        return False
    except ValueError as error:
        return "X[0]" in str(error)  # it reads other images than the probe
    return True


def _jpeg(picture: np.ndarray) -> Response:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    return Response(buffer.getvalue(), media_type="image/jpeg")
