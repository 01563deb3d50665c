"""The server of every page: on this machine only, for the browser of the person who started it.

`make_app` puts routes behind a guard, and `serve` runs them until Ctrl-C. The guard refuses every
request that a web page of somebody else could send here. Three things stop such a page:

- The address contains a random token, which is new at each start. Nobody can guess it.
- The header Host must name this machine. Otherwise a foreign name that points to 127.0.0.1 (DNS
  rebinding) could read what the page reads.
- The header Origin, which a browser adds to what scripts send, must be the page itself.

Routes get paths below the token, so HTML and JavaScript must use relative addresses: ``api/next``
and ``static/label.js``, without a slash in front.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
STATIC = Path(__file__).parent / "static"
JSON_BYTES = 1 << 20  # of a request that is not a file
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",  # images of patients, for example, stay out of the browser's cache
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # an address contains the token
    "X-Content-Type-Options": "nosniff",
}
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def make_app(
    page: str,
    routes: Sequence[BaseRoute],
    lifespan: Lifespan | None = None,
    token: str | None = None,
) -> Starlette:
    """Return an application that shows one page and answers its requests.

    Parameters
    ----------
    page : str
        The name of the HTML file in the folder `static`, for example "label.html". It is what the
        address itself shows. The page has its scripts and styles in files of their own, since the
        content security policy forbids scripts and styles within HTML. ``element.style.width =``
        in a script is allowed.
    routes : sequence of starlette.routing.Route
        The other routes, for example ``Route("/api/next", next_image)``. A plain function runs in
        a thread of its own, and a coroutine in the thread of the server. A route raises
        ``starlette.exceptions.HTTPException(status, message)`` for what the user can change. The
        page gets ``{"error": message}`` with this status. Any other exception is status 500, and
        its traceback is printed in the terminal.
    lifespan : callable, default=None
        Takes the application and returns an asynchronous context manager. It is entered before the
        first request and left after the last one, also after Ctrl-C: the place to remove temporary
        files.
    token : str, default=None
        The secret part of the address. None makes a new one. Only tests need another value.

    Returns
    -------
    app : starlette.applications.Starlette
        ``app.state.token`` is the token.

    Examples
    --------
    >>> from starlette.responses import JSONResponse
    >>> from starlette.routing import Route
    >>> routes = [Route("/api/hello", lambda request: JSONResponse({"hello": "you"}))]
    >>> app = make_app("app.html", routes, token="secret")
    >>> address_of(app, 8000)
    'http://127.0.0.1:8000/secret/'
    """
    token = secrets.token_urlsafe(16) if token is None else token

    def show(request: Request) -> Response:
        return FileResponse(STATIC / page)

    own = [Route("/", show), Mount("/static", StaticFiles(directory=STATIC)), *routes]
    app = Starlette(
        routes=[Mount(f"/{token}", routes=own)],
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={
            # Starlette types the handler of one kind of exception as a handler of all kinds.
            HTTPException: _refused,  # type: ignore[dict-item]
            ClientDisconnect: _failed,  # somebody left in the middle of an upload
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.state.token = token
    return app


def address_of(app: Starlette, port: int) -> str:
    """Return the address of the page, with the token. It ends in a slash."""
    return f"http://{HOST}:{port}/{app.state.token}/"


def serve(app: Starlette, port: int | None = None, open_browser: bool = True) -> None:
    """Print the address of a page, open it in the browser, and answer until Ctrl-C.

    Parameters
    ----------
    app : starlette.applications.Starlette
        Of `make_app`.
    port : int, default=None
        None takes a free one.
    open_browser : bool, default=True
        Whether to open the address in the browser. Without a desktop, none is opened.

    Raises
    ------
    ValueError
        If the port is taken, or is not allowed.
    """
    with _listen(port) as listening:
        address = address_of(app, listening.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_level="warning",
            # Nobody else's proxy is in front, so no header says who asks.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        server = _Server(config, address, open_browser and _has_desktop())
        # uvicorn raises what has stopped it again after it has ended.
        with contextlib.suppress(KeyboardInterrupt), _ending_with_the_terminal(server):
            server.run(sockets=[listening])
    print("Stopped.")


async def read_body(request: Request, at_most: int) -> bytes:
    """Return the body of a request, for example a file.

    Parameters
    ----------
    request : starlette.requests.Request
    at_most : int
        Bytes. No more are kept in memory.

    Raises
    ------
    HTTPException
        With status 413 if there are more.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > at_most:
            raise HTTPException(413, f"This is larger than {in_bytes(at_most)}.")
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request.

    Raises
    ------
    HTTPException
        With status 400 if the body is anything else, and 413 if it is larger than 1 MB.
    """
    try:
        found = json.loads(await read_body(request, JSON_BYTES))
    except ValueError as error:
        raise HTTPException(400, f"Expected an object in JSON: {error}.") from error
    if not isinstance(found, dict):
        raise HTTPException(400, f"Expected an object in JSON, got {type(found).__name__}.")
    return found


def in_bytes(n: int) -> str:
    """Return a number of bytes as people write it.

    Examples
    --------
    >>> in_bytes(10), in_bytes(50 << 20), in_bytes(1 << 30)
    ('10 bytes', '50 MB', '1 GB')
    """
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20)):
        if n >= size:
            return f"{n // size} {unit}"
    return f"{n} bytes"


class Guard:
    """Refuse requests of other web pages and machines, and add headers to each answer.

    Parameters
    ----------
    app : ASGI application
    token : str
        The first part of every path.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        problem = self.problem(scope)
        app = self.app if problem is None else _json_error(403, problem)
        await app(scope, receive, send_with_headers)
        return None

    def problem(self, scope: Scope) -> str | None:
        """Return why a request is refused, or None."""
        if scope["type"] != "http":
            return "There are no web sockets here."
        headers, port = Headers(scope=scope), scope["server"][1]
        end = "" if port == 80 else f":{port}"  # browsers leave out the port that is usual
        hosts = {f"{name}{end}" for name in (HOST, "localhost")}
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in hosts:
            return "This address is not the one that sklearn-tl has printed."
        if origin is not None and origin != f"http://{host}":
            return f"Only its own page may ask this server, and {origin} is another one."
        given = scope["path"].removeprefix("/").split("/")[0]
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "The address lacks its secret part. Open the whole address that was printed."
        return None


class _Server(uvicorn.Server):
    """A server that says where it is as soon as it can answer."""

    def __init__(self, config: uvicorn.Config, address: str, open_browser: bool) -> None:
        super().__init__(config)
        self.address = address
        self.open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        print(f"{self.address}\nOpen this address in a browser of this machine. Ctrl-C stops.")
        sys.stdout.flush()
        if self.open_browser:
            # Some browsers keep the caller waiting until they are closed.
            threading.Thread(target=webbrowser.open, args=[self.address], daemon=True).start()


@contextlib.contextmanager
def _ending_with_the_terminal(server: uvicorn.Server) -> Iterator[None]:
    """End the server as Ctrl-C does if its terminal is closed, so that no file is left."""
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(hang_up, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(hang_up, before)


def _listen(port: int | None) -> socket.socket:
    """Return a socket that listens on a port of this machine only."""
    listening = socket.socket()
    try:
        if os.name != "nt":  # where the option would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port or 0))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"--port {port} cannot be used: {reason}. Leave --port out for a free port."
        ) from error
    return listening


def _has_desktop() -> bool:
    """Return whether a browser with windows can be opened. Text browsers have no JavaScript."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _json_error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": " ".join(message.split())}, status)


def _refused(request: Request, error: HTTPException) -> Response:
    return _json_error(error.status_code, error.detail)


def _failed(request: Request, error: Exception) -> Response:
    response = _json_error(500, f"{type(error).__name__}: {error}")
    response.headers.update(HEADERS)  # it is sent outside of the guard
    return response
