"""Headless Chromium, driven over its DevTools protocol: opens a page as a person would, and tells what is there."""

import base64
import itertools
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
from httpx_ws import connect_ws

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """A tab of a running Chromium."""

    def __init__(self, socket):
        self._socket, self._numbers, self.requests = socket, itertools.count(1), []

    def call(self, method, **parameters):
        """Send a command and wait for its answer; requests that the page makes are recorded on the way."""
        number = next(self._numbers)
        self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = self._socket.receive_json(timeout=30)
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def open(self, page: Path, *, width, dark=False, height=900):
        """Show a file in a window so wide, in the light or the dark scheme."""
        self.requests.clear()
        self.call("Page.enable")
        self.call("Network.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.as_uri())
        until = time.monotonic() + 20
        while self.run("location.href + document.readyState") != f"{page.as_uri()}complete":
            assert time.monotonic() < until, "the page did not load"
            time.sleep(0.05)

    def run(self, script):
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, path: Path):
        """A PNG of the whole page."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self):
        """The page as it is printed on A4."""
        answer = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        return base64.b64decode(answer["data"])


@contextmanager
def open_browser(folder: Path):
    """Start Chromium with a profile in `folder`, on a port of loopback that it chooses; end it afterwards."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={folder}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        told = folder / "DevToolsActivePort"
        until = time.monotonic() + 30
        while not (told.exists() and told.read_text()):
            assert process.poll() is None, "Chromium ended"
            assert time.monotonic() < until, "Chromium did not start"
            time.sleep(0.05)
        address = f"http://127.0.0.1:{told.read_text().split()[0]}"
        targets = httpx.get(f"{address}/json/list").json()
        tab = next(target for target in targets if target["type"] == "page")
        with connect_ws(tab["webSocketDebuggerUrl"], max_message_size_bytes=2**26) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait(timeout=20)
