"""Traces go to a configured OTLP endpoint, and nothing of tracing is loaded without one."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from conftest import SAFE, start_server, wait_until


@pytest.fixture
def collector():
    """An OTLP receiver that keeps what it is sent."""
    received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()


@pytest.mark.slow
def test_a_request_is_traced_to_the_endpoint_and_probes_are_not(home_with_model, collector):
    url, received = collector
    server = start_server(home_with_model, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="200")
    try:
        assert httpx.post(f"{server.url}/predict", json=SAFE).status_code == 200
        httpx.get(f"{server.url}/ready")
        wait_until(lambda: any(b"/predict" in body for _, body in received), lambda: str(received))
    finally:
        server.stop()
    assert {path for path, _ in received} == {"/v1/traces"}
    everything = b"".join(body for _, body in received)
    assert b"churn-api" in everything
    assert b"/ready" not in everything


def test_without_an_endpoint_no_exporter_is_loaded(server):
    for pid in server.worker_pids():
        assert "exporter/otlp" not in Path(f"/proc/{pid}/maps").read_text()
    modules = server.home.run(
        "-c", "import service, sys, serving.worker; print([m for m in sys.modules if 'otlp' in m or 'tracing' in m])"
    )
    assert "serving.tracing" not in modules.stdout
    assert "otlp" not in modules.stdout
