"""Bare uvicorn answering an empty JSON object: the limit of the HTTP server itself."""

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
}


async def app(scope: dict, receive: object, send: object) -> None:
    if scope["type"] == "http":
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"{}"})
