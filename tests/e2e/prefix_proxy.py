"""A proxy that publishes a server under a path, as an ingress does."""

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def proxied(url, prefix, *, strip, forwarded=False):
    """The public address of a server under `prefix`, which the proxy takes off or leaves on.

    With `forwarded` it says what it took off in `X-Forwarded-Prefix`. Anything outside the prefix is 404, as there are
    other services there.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            path = self.path
            if not (path == prefix or path.startswith((f"{prefix}/", f"{prefix}?"))):
                self.send_error(404)
                return
            if strip:
                path = path.removeprefix(prefix) or "/"
            headers = dict(self.headers) | ({"X-Forwarded-Prefix": prefix} if forwarded else {})
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            behind = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
            behind.request(self.command, path, body, headers)
            answer = behind.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            behind.close()

        do_GET = do_HEAD = do_POST = do_OPTIONS = forward  # noqa: N815 - the names that http.server calls

        def log_message(self, *_):
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}{prefix}"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
