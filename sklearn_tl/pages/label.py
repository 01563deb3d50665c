"""The page on which a person labels images: one big image, one key per class."""

import asyncio
import contextlib
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sklearn_tl.annotation import LabellingSession
from sklearn_tl.datasets import without_position
from sklearn_tl.inspection import picture_of
from sklearn_tl.pages.server import make_app, read_json

AHEAD = 3  # images that the page has: the one on show, and those that it loads beforehand
SIDES = {"small": 240, "large": 1200}  # of pictures, in pixels
N_SIMILAR = 23  # which make 24 with the image on show
RETRY_SECONDS = 2.0  # between attempts to save what a full disk has refused


def label_app(session: LabellingSession, token: str | None = None) -> Starlette:
    """Return an application in which people label the images of a session.

    All tabs of the browser show the same session. An image that was labelled in one of them is no
    longer asked about in the others.

    Parameters
    ----------
    session : LabellingSession
        Entered already, and left by the caller.
    token : str, default=None
        See `make_app`.

    Returns
    -------
    app : starlette.applications.Starlette
        For `serve`.
    """
    page = _Page(session)

    @contextlib.asynccontextmanager
    async def with_retries(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_save_again(session))
        yield
        task.cancel()

    return make_app("label.html", page.routes(), with_retries, token)


async def _save_again(session: LabellingSession) -> None:
    """Save what a full disk has refused, also while nobody has the page open."""
    while True:
        await asyncio.sleep(RETRY_SECONDS)
        if session.answers.unsaved is not None:
            await run_in_threadpool(session.catch_up)


class _Page:
    """The routes of the page. Each answer has the whole state, so tabs never disagree for long."""

    def __init__(self, session: LabellingSession) -> None:
        self.session = session

    def routes(self) -> list[Route]:
        image = "/api/images/{image:int}"
        return [
            Route("/api/state", self.state, methods=["POST"]),
            Route("/api/label", self.label, methods=["POST"]),
            Route("/api/skip", self.skip, methods=["POST"]),
            Route("/api/undo", self.undo, methods=["POST"]),
            Route("/api/classes", self.add_class, methods=["POST"]),
            Route(image, self.picture),
            Route(f"{image}/similar", self.similar),
        ]

    async def state(self, request: Request) -> Response:
        """Say what there is. The page asks every few seconds."""

        def catch_up(body: dict[str, Any]) -> dict[str, Any]:
            self.session.catch_up()
            return {}

        return await self._do(request, catch_up)

    async def label(self, request: Request) -> Response:
        """Give one or more images a label."""

        def label(body: dict[str, Any]) -> dict[str, Any]:
            images = self._images(body.get("images"))
            if not images:
                raise HTTPException(400, "Expected one or more images to label.")
            return {"expected": self.session.label(images, body.get("label", ""))}

        return await self._do(request, label)

    async def skip(self, request: Request) -> Response:
        """Put an image off."""

        def skip(body: dict[str, Any]) -> dict[str, Any]:
            for image in self._images([body.get("image")]):
                self.session.skip(image)
            return {}

        return await self._do(request, skip)

    async def undo(self, request: Request) -> Response:
        """Take back the last answer or skip, and show its first image again."""

        def undo(body: dict[str, Any]) -> dict[str, Any]:
            return {"undone": self._described(self.session.undo())}

        return await self._do(request, undo)

    async def add_class(self, request: Request) -> Response:
        """Add a class."""

        def add_class(body: dict[str, Any]) -> dict[str, Any]:
            return {"added": self.session.add_class(body.get("name", ""))}

        return await self._do(request, add_class)

    def picture(self, request: Request) -> Response:
        """Return a picture that every browser shows, whatever the format of the file."""
        (image,) = self._images([request.path_params["image"]])
        side = SIDES.get(request.query_params.get("size", "large"), SIDES["large"])
        path = self.session.paths[image]
        try:
            picture = picture_of(None, path, side)
        except (OSError, ValueError, TypeError) as error:
            problem = without_position(path, str(error))
            self.session.leave_out(image, problem)
            raise HTTPException(415, problem) from error
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=88)
        return Response(buffer.getvalue(), media_type="image/jpeg")

    def similar(self, request: Request) -> Response:
        """Return the images that look most like one image, and why there are none."""
        (image,) = self._images([request.path_params["image"]])
        found = self.session.similar(image, N_SIMILAR)
        reason = ""
        if self.session.is_random(image):
            reason = (
                "This image was drawn at random to measure the accuracy. Label it on its own: if "
                "images were chosen because of it, the accuracy would be too high."
            )
        elif not found:
            reason = "No similar images are known yet. Wait until more images are embedded."
        return JSONResponse({"images": self._described(found), "reason": reason})

    async def _do(
        self, request: Request, action: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Response:
        """Do something, and answer with the whole state and the images to show next."""
        body = await read_json(request)

        def act() -> dict[str, Any]:
            try:
                return action(body) | self._state(self._images(body.get("shown", [])))
            except ValueError as error:
                raise HTTPException(409, str(error)) from error

        return JSONResponse(await run_in_threadpool(act))

    def _state(self, shown: Sequence[int]) -> dict[str, Any]:
        session, answers, embedder = self.session, self.session.answers, self.session.embedder
        counts = Counter(answers.labels.values())
        unreadable = embedder.problems.keys() - answers.labels.keys()
        gone = [image for image in shown if image in answers.labels or image in unreadable]
        waiting = [image for image in shown if image not in gone]
        return {
            "classes": [{"name": name, "n": counts[name]} for name in answers.classes],
            "n_images": len(session.paths),
            "n_labelled": counts.total(),
            "n_skipped": len(set(answers.skipped) - unreadable),
            "n_embedded": embedder.n_done,
            "n_unreadable": len(unreadable),
            "estimate": session.estimate()._asdict(),
            "file": str(session.path),
            "problems": [text for text in (answers.unsaved, embedder.failure) if text],
            "remarks": session.remarks,
            "gone": gone,
            "next": self._described(session.ask(max(AHEAD - len(waiting), 0), waiting)),
        }

    def _described(self, images: Sequence[int]) -> list[dict[str, Any]]:
        return [{"image": image, "name": self.session.names[image]} for image in images]

    def _images(self, given: Any) -> list[int]:
        """Return positions of images, or raise an HTTPException."""
        n, images = len(self.session.paths), given if isinstance(given, list) else [given]
        for image in images:
            if isinstance(image, bool) or not isinstance(image, int) or not 0 <= image < n:
                raise HTTPException(400, f"Expected a number from 0 to {n - 1}, got {image!r}.")
        return images
