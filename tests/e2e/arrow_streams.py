"""Arrow IPC streams of customers, and asking a server with them."""

import httpx
import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"


def stream(table: pa.Table | pa.RecordBatch, *, options: pa.ipc.IpcWriteOptions | None = None, rows: int | None = None):
    """The table as a stream of batches of at most so many rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        if isinstance(table, pa.Table):
            writer.write_table(table, max_chunksize=rows)
        else:
            writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def ask(server, body: bytes | pa.Table, query: str = "", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else stream(body)
    headers = {"content-type": ARROW} | headers
    return httpx.post(f"{server.url}/predict/batch{query}", content=content, headers=headers, timeout=60)


def answered(response: httpx.Response) -> pa.Table:
    """The table of an answer of status 200."""
    assert response.status_code == 200, response.text[:1000]
    assert response.headers["content-type"] == ARROW
    return pa.ipc.open_stream(response.content).read_all()
