"""The path prefix of a proxy that leaves it on (`CHURN_PATH_PREFIX`).

A proxy that takes it off needs nothing: pages and documents name each other by relative addresses, and no header of a
client or a proxy is trusted for it.
"""

from serving.messages import AsgiApp, Receive, Scope, Send
from serving.routes import ROUTES


def without_prefix(app: AsgiApp, prefix: str) -> AsgiApp:
    """The app as a proxy that takes the prefix off would ask it; paths without the prefix are answered too.

    Args:
        app: the app.
        prefix: begins with a slash and ends without one.

    """
    own = {route.path for route in ROUTES}  # found first, whatever the prefix: probes do not depend on it

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(prefix) and path not in own and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            # In the request's own scope, in which its connection says that its time is over.
            scope["path"] = path[len(prefix) :] or "/"
            scope["raw_path"] = scope["raw_path"].removeprefix(prefix.encode()) or b"/"
        await app(scope, receive, send)

    return stripped
