"""A headless Chromium that tests drive: pages, mouse, touch and keys, by its DevTools protocol over a pipe.

It needs no library: with ``--remote-debugging-pipe`` Chromium reads commands from file descriptor 3 and answers on 4.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
with_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium isn't installed (Debian: apt-get install chromium)"
)
_FLAGS = (
    "headless", "no-sandbox", "no-first-run", "disable-quic", "disable-background-networking", "disable-sync",
    "disable-component-update", "disable-default-apps", "disable-extensions", "use-angle=swiftshader",
    "enable-unsafe-swiftshader", "remote-debugging-pipe", "hide-scrollbars",
)  # fmt: skip
_SECONDS = 60  # that Chromium may take to answer


class Browser:
    """One page in a browser of its own; close it, or use ``with``.

    Parameters
    ----------
    folder : Path
        Where the browser keeps its profile.
    """

    def __init__(self, folder: Path) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        self._buffer, self._number, self.said = b"", 0, []

        def connect() -> None:  # in the child: its descriptors 3 and 4 become the pipes, also where these are 3 or 4
            one, two = os.dup(to_browser), os.dup(from_browser)
            high = [os.dup2(one, 60), os.dup2(two, 61)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = [str(CHROMIUM), *(f"--{flag}" for flag in _FLAGS), f"--user-data-dir={folder / 'profile'}"]
        self._process = subprocess.Popen(
            [*command, "about:blank"],
            preexec_fn=connect,  # noqa: PLW1509
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._session: str | None = None
        target = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self.send("Browser.close")
        os.close(self._write)
        os.close(self._read)
        self._process.wait(30)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result; what the page says meanwhile is added to `said`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], _SECONDS)[0], "Chromium doesn't answer"
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium has ended"
            self._buffer += part
        line, self._buffer = self._buffer.split(b"\0", 1)
        event: dict[str, Any] = json.loads(line)
        if event.get("method") == "Runtime.exceptionThrown":
            self.said.append(event["params"]["exceptionDetails"]["text"])
        if event.get("method") in ("Runtime.consoleAPICalled", "Log.entryAdded"):
            self.said.append(json.dumps(event["params"]))
        return event

    def emulate(self, width: int = 1200, height: int = 900, *, dark: bool = False, touch: bool = False) -> None:
        """Be a screen of a size, light or dark, with a mouse or with fingers."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=2 if touch else 1)

    def open(self, address: str | Path) -> None:
        """Open a page, and wait until it is loaded."""
        self.js("globalThis.isOld = true")
        self.send("Page.navigate", url=address.as_uri() if isinstance(address, Path) else address)
        self.wait("document.readyState === 'complete' && !globalThis.isOld")

    def js(self, expression: str) -> Any:
        """Return the value of an expression on the page; of a promise, what it comes to."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 30) -> Any:
        """Wait until an expression is true, and return its value."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):
                if value := self.js(expression):
                    return value
            assert time.monotonic() < end, f"still false: {expression}"
            time.sleep(0.05)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send ``moved``, ``pressed``, ``released`` or ``wheel`` (with ``deltaY=``) at a place in the window."""
        pressed = {} if kind in ("moved", "wheel") else {"button": "left", "clickCount": 1}
        wheel = {"deltaX": 0} if kind == "wheel" else {}
        self.send("Input.dispatchMouseEvent", type=f"mouse{kind.capitalize()}", x=x, y=y, **pressed, **wheel, **more)

    def click(self, x: float, y: float) -> None:
        """Click at a place in the window."""
        for kind in ("moved", "pressed", "released"):
            self.mouse(kind, x, y)

    def touch(self, kind: str, *places: tuple[float, float]) -> None:
        """Put fingers on places (``start``), move them (``move``) or lift them (``end``)."""
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self.send("Input.dispatchTouchEvent", type=f"touch{kind.capitalize()}", touchPoints=points)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.send("Input.insertText", text=text)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as a PNG."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))
