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
        self.errors, self.prompts, self._password = [], 0, None

    def call(self, method, **parameters):
        """Send a command and wait for its answer; requests that the page makes are recorded on the way."""
        number = next(self._numbers)
        self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = self._socket.receive_json(timeout=30)
            self._take(message.get("method"), message.get("params"))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def _take(self, event, given):
        """Record an event of the page; answer a prompt for a password, once."""
        if event == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif event == "Log.entryAdded" and given["entry"]["level"] in ("warning", "error"):
            self.errors.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
        elif event == "Runtime.exceptionThrown":
            self.errors.append(given["exceptionDetails"]["text"])
        elif event == "Runtime.consoleAPICalled" and given["type"] in ("warning", "error"):
            self.errors.append(str(given["args"]))
        elif event == "Fetch.requestPaused":
            self._send("Fetch.continueRequest", requestId=given["requestId"])
        elif event == "Fetch.authRequired":
            self.prompts += 1
            known = {"response": "ProvideCredentials", "username": "me", "password": self._password}
            answer = known if self._password and self.prompts == 1 else {"response": "CancelAuth"}
            self._send("Fetch.continueWithAuth", requestId=given["requestId"], authChallengeResponse=answer)

    def _send(self, method, **parameters):
        self._socket.send_json({"id": next(self._numbers), "method": method, "params": parameters})

    def visit(self, url, until, *, password=None):
        """Open an address until the JavaScript expression is true; `errors` has what the console shows then.

        `prompts` counts how often a password was asked for; it is answered once.
        """
        self._password, self.prompts = password, 0
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Fetch.enable", handleAuthRequests=True)
        self.call("Page.navigate", url="about:blank")
        self.call("Log.clear")
        self.requests.clear()
        self.errors.clear()
        self._send("Page.navigate", url=url)  # its answer comes after the prompt's
        self.wait(f"location.href != 'about:blank' && document.readyState == 'complete' && ({until})")

    def wait(self, condition):
        """Until a JavaScript expression is true in the page."""
        until = time.monotonic() + 30
        while not self.run(condition):
            assert time.monotonic() < until, (condition, self.errors, self.run("document.body.innerText"))
            time.sleep(0.05)

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
