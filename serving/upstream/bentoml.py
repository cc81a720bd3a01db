"""BentoML 1.4: what it does not promise and is used here.

- `Service.to_asgi` is overridden, so that our app stands in front of BentoML's layers: a middleware of
  `add_asgi_middleware` stands behind its tracing, access log and timeout (service.py has the figure). Goes when BentoML
  takes an outermost middleware.
- `PROMETHEUS_MULTIPROC_DIR` is changed in the worker before prometheus-client is imported, and
  `BentoMLContainer.prometheus_multiproc_dir` is read in the parent: BentoML has one folder for all services of a
  `BENTOML_HOME`, and each that starts empties it, even one that cannot start because its port is taken; the others'
  counters are gone from `/metrics` until they are restarted. Goes when BentoML gives each service a folder of its own.
- `TraceRecordFilter` is looked for in the log's handlers: `bentoml serve` and its workers set it before they load the
  service, `bentoml build` and others do not. Goes when BentoML takes the form of its log as a setting.
- `Service.inject_config` is overridden, to switch `http.cors` off: it acts behind our app, so on few routes, and there
  twice beside `CHURN_CORS_ORIGINS`. Goes when BentoML takes an outermost middleware.
- `on_deployment` runs once, in the process that starts the workers, before it starts them, and nowhere else
  (service.py, `supervise`): documented, but not in which process.
"""

import atexit
import contextlib
import logging
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.log import TraceRecordFilter

from serving.messages import AsgiApp

log = logging.getLogger("churn.start")

type InFront = Callable[[AsgiApp, str], AsgiApp]


def service_class(in_front: InFront) -> type[bentoml.Service[Any]]:
    """A class for `@bentoml.service(service_class=...)` whose app is what `in_front` makes of BentoML's.

    Args:
        in_front: given BentoML's app and the Bento's version; called once in each worker, never in their parent.

    """

    class FrontedService(bentoml.Service[Any]):  # type: ignore[misc]  # untyped: BentoML exports it lazily
        def to_asgi(self, is_main: bool = True) -> AsgiApp:
            use_own_metrics_folder()
            bento = self.bento.tag.version if self.bento else None
            app = in_front(super().to_asgi(is_main), bento or "source")
            if self._had_cors:  # not said before the log is configured
                log.warning("http.cors has no effect", extra={"use": "CHURN_CORS_ORIGINS"})
            return app

        def inject_config(self) -> None:
            super().inject_config()
            self._had_cors = BentoMLContainer.http.cors.enabled.get()
            BentoMLContainer.http.cors.enabled.set(False)

    return FrontedService


def is_serving() -> bool:
    """Whether this process is `bentoml serve` or a worker of it, and not one that builds or inspects the service."""
    filters = (one for handler in logging.getLogger("bentoml").handlers for one in handler.filters)
    return any(isinstance(one, TraceRecordFilter) for one in filters)


def use_own_metrics_folder() -> None:
    """Keep this worker's metrics in a folder of its service's own; before prometheus-client is imported."""
    shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if shared:  # unset where the app is not started by `bentoml serve`
        own = _own_folder(Path(shared), os.getppid())
        own.mkdir(parents=True, exist_ok=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)


def clean_metrics_folders() -> None:
    """Remove dead services' folders, and this one's at its end; in the process that starts the workers."""
    shared = Path(BentoMLContainer.prometheus_multiproc_dir.get())
    own = _own_folder(shared, os.getpid())
    for path in shared.parent.glob(f"{shared.name}-{socket.gethostname()}-*"):
        if path == own or not is_alive(path.name.rpartition("-")[2]):
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        shared.rmdir()  # just made by BentoML for the workers, who do not use it
    atexit.register(shutil.rmtree, own, ignore_errors=True)


def is_alive(pid: str) -> bool:
    """Whether there is a process of that id; where nobody can tell, there is."""
    return not pid.isdecimal() or Path(f"/proc/{pid}").exists() or not Path("/proc/self").exists()


def _own_folder(shared: Path, parent_pid: int) -> Path:
    return shared.with_name(f"{shared.name}-{socket.gethostname()}-{parent_pid}")
