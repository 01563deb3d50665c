"""The server answers its own page and nobody else."""

import builtins
import contextlib
import importlib
import os
import signal
import socket
import sys
import urllib.request

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from sklearn_tl.pages.server import (
    JSON_BYTES,
    STATIC,
    address_of,
    make_app,
    read_body,
    read_json,
    serve,
)


async def echo(request):
    return JSONResponse(await read_json(request))


async def size(request):
    return JSONResponse(len(await read_body(request, 10)))


def refuse(request):
    raise HTTPException(409, "The cat\nsleeps.")


def fail(request):
    raise RuntimeError("secret of the program")


ROUTES = [
    Route("/api/echo", echo, methods=["POST"]),
    Route("/api/size", size, methods=["POST"]),
    Route("/api/refuse", refuse),
    Route("/api/fail", fail),
]


@pytest.fixture
def client(client_of):
    return client_of(make_app("app.html", ROUTES, token="secret"))


def test_the_page_and_its_files_come_with_headers_that_protect_them(client):
    for path in ("", "static/app.js", "api/refuse", "api/fail", "nowhere"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "<!doctype html>" in client.get("").text
    assert client.get("static/../server.py").status_code == 404


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"host": "evil.example:8000"}, "not the one"),
        ({"host": "127.0.0.1:9000"}, "not the one"),
        ({"host": "127.0.0.1"}, "not the one"),
        ({"origin": "http://evil.example"}, "another one"),
        ({"origin": "http://127.0.0.1:9000"}, "another one"),
        ({"origin": "null"}, "another one"),
    ],
)
@pytest.mark.parametrize("path", ["", "static/app.js", "api/refuse"])
def test_other_hosts_and_origins_are_refused(client, headers, message, path):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 403
    assert message in answer.json()["error"]


def test_the_own_origin_is_welcome(client):
    for name in ("127.0.0.1", "localhost"):
        headers = {"host": f"{name}:8000", "origin": f"http://{name}:8000"}
        assert client.get("", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/api/refuse", "/secre", "//", "/static/"])
def test_without_the_token_nothing_is_answered(client, path):
    answer = client.get(f"http://127.0.0.1:8000{path}")
    assert answer.status_code == 403
    assert "secret part" in answer.json()["error"]


def test_each_start_has_another_token():
    tokens = {make_app("app.html", []).state.token for _ in range(3)}
    assert len(tokens) == 3
    assert min(map(len, tokens)) > 20
    assert address_of(make_app("app.html", [], token="t"), 81) == "http://127.0.0.1:81/t/"


def test_errors_are_one_line_of_json(client, caplog):
    answer = client.get("api/refuse")
    assert (answer.status_code, answer.json()) == (409, {"error": "The cat sleeps."})
    answer = client.get("api/fail")
    assert answer.status_code == 500
    assert answer.json() == {"error": "RuntimeError: secret of the program"}


def test_bodies_are_bounded_and_checked(client):
    assert client.post("api/echo", content='{"a": 1}').json() == {"a": 1}
    for content, message in [("[1]", "got list"), ("{", "Expected an object in JSON")]:
        answer = client.post("api/echo", content=content)
        assert answer.status_code == 400
        assert message in answer.json()["error"]
    assert client.post("api/echo", content=b" " * (JSON_BYTES + 1)).status_code == 413
    assert client.post("api/size", content=b"x" * 10).json() == 10
    answer = client.post("api/size", content=b"x" * 11)
    assert (answer.status_code, answer.json()) == (413, {"error": "This is larger than 10 bytes."})


def test_a_port_that_is_taken_is_named():
    app = make_app("app.html", [])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"--port {port} cannot be used.*Leave --port out"):
            serve(app, port, open_browser=False)
    with pytest.raises(ValueError, match="--port 70000 cannot be used"):
        serve(app, 70000, open_browser=False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_every_way_to_stop_ends_with_the_lifespan(stop, monkeypatch, capsys):
    done = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield
        done.append("removed")

    def visit(address):
        with urllib.request.urlopen(address) as answer:
            done.append(answer.status)
        os.kill(os.getpid(), getattr(signal, stop))

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", visit)
    before = signal.signal(signal.SIGTERM, lambda *_: done.append("ended"))  # and not by the signal
    try:
        serve(make_app("app.html", [], lifespan))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == [200, "removed"] + ["ended"] * (stop == "SIGTERM")
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("http://127.0.0.1:")
    assert last == "Stopped."


def test_no_browser_is_opened_unless_there_is_a_desktop(monkeypatch):
    def start(self, sockets=None):
        opened.append(self.open_browser)

    opened = []
    monkeypatch.setattr("uvicorn.Server.run", start)
    monkeypatch.setattr("sys.platform", "linux")
    app = make_app("app.html", [])
    for display in ("", ":0"):
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.setenv("WAYLAND_DISPLAY", "")
        serve(app)
        serve(app, open_browser=False)
    assert opened == [False, False, True, False]


def test_the_files_of_the_pages_need_no_network_and_no_inline_script():
    files = [path for path in STATIC.iterdir() if path.suffix in (".html", ".js", ".css")]
    assert files
    for path in files:
        text = path.read_text()
        assert "http://" not in text, path
        assert "https://" not in text, path
        assert "innerHTML" not in text, path
        if path.suffix == ".html":
            assert " style=" not in text, path
            assert " on" not in [part[:3] for part in text.split("<")], path
            assert text.count("<script") == text.count("src="), path


def test_without_the_libraries_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def lacking(name, *others, **more):
        if name == "uvicorn":
            raise ImportError(name)
        return real(name, *others, **more)

    import sklearn_tl.pages

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(ImportError, match="pip install 'starlette"):
        importlib.reload(sklearn_tl.pages)
