"""Where the workers of one service keep their metrics: in a folder that is this service's alone.

BentoML has one for all services of a `BENTOML_HOME`, and each that starts empties it, even one that cannot start
because its port is taken: the others' counters are gone from `/metrics` until they are restarted.
"""

import atexit
import os
import shutil
import socket
from pathlib import Path


def use_own_metrics_folder() -> None:
    """To be called before BentoML makes the folder, which it does in the process that starts the workers.

    The service's file is the only place that is early enough. The workers import it too, where nothing comes of it:
    they have their folder from their parent.
    """
    from bentoml._internal.configuration.containers import BentoMLContainer  # noqa: PLC0415 - late, like BentoML itself

    shared = Path(BentoMLContainer.prometheus_multiproc_dir.get())
    ours = f"{shared.name}-{socket.gethostname()}"
    BentoMLContainer.prometheus_multiproc_dir.set(str(shared.with_name(f"{ours}-{os.getpid()}")))
    for path in shared.parent.glob(f"{ours}-*"):
        if not _is_alive(path.name.rpartition("-")[2]):
            shutil.rmtree(path, ignore_errors=True)


def remove_at_exit() -> None:
    """To be called in the same process once it is sure to serve: a build, too, imports the service."""
    from bentoml._internal.configuration.containers import BentoMLContainer  # noqa: PLC0415 - the same

    atexit.register(shutil.rmtree, BentoMLContainer.prometheus_multiproc_dir.get(), ignore_errors=True)


def forget_dead_workers() -> None:
    """Take the gauges of workers that were killed out of `/metrics`. To be called in a worker, when it starts."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - it picks its storage at import

    for path in Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")).glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if not _is_alive(pid):
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call]  # the library's own lack


def _is_alive(pid: str) -> bool:
    return not pid.isdecimal() or Path(f"/proc/{pid}").exists() or not Path("/proc/self").exists()
