"""prometheus-client 0.26: what it does not promise and is used here.

- `Histogram._buckets`, `_upper_bounds`, `_sum`: many observations with one change a bucket. In multiprocess mode an
  observation costs 8 us by `observe`, 0.2 us in a bulk of 50 (2-core virtual machine), where a request costs 80 in all.
  Goes when the client can observe many values at once.
- The names of its files, `gauge_live*_<pid>.db`: the gauges of a worker that was killed stay in `/metrics` for ever. It
  has `mark_process_dead` for whoever sees the death, but Circus sees it here and does not call it. Goes when BentoML
  calls it.
- The same names say which processes keep metrics: prometheus-client gives those of a process (`process_*`) only where
  it keeps no files. Goes when it does.
"""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from prometheus_client import REGISTRY, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from serving.upstream.bentoml import is_alive

_OPENMETRICS = "application/openmetrics-text"


class BulkHistogram(Histogram):
    """A histogram that takes many observations at once."""

    def observe_all(self, values: Sequence[float] | npt.NDArray[np.float64]) -> None:
        """What `observe` of each value does, with one change a bucket."""
        places = np.searchsorted(self._upper_bounds, values)
        counts = np.bincount(places, minlength=len(self._buckets)).tolist()
        self._sum.inc(float(np.sum(values)))
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


def exposition(accept: str) -> tuple[bytes, str]:
    """The metrics of all workers of this service, BentoML's among them, and the type of their text.

    Args:
        accept: the header `Accept`; OpenMetrics where it names that, as Prometheus does, else the older format.

    """
    metrics: Collector = _Workers() if _folder() else REGISTRY
    # Not by the library's `choose_encoder`: it fails at a version that is no number, and echoes the client's.
    if any(item.partition(";")[0].strip() == _OPENMETRICS for item in accept.lower().split(",")):
        return openmetrics.generate_latest(metrics), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    return generate_latest(metrics), CONTENT_TYPE_PLAIN_0_0_4


class _Workers(Collector):
    """The metrics in the files of all workers, and those of their processes."""

    def collect(self) -> Iterable[Metric]:
        """The families, samples in the order that OpenMetrics asks for."""
        for metric in MultiProcessCollector(None).collect():  # type: ignore[no-untyped-call]  # the library does not type it
            if metric.type == "histogram":
                metric.samples.sort(key=_place)
            yield metric
        yield from _of_processes()


def _place(sample: Sample) -> tuple[list[tuple[str, str]], str, float]:
    """Where a histogram's sample belongs: buckets upwards, then the count, then the sum of each set of labels."""
    labels = sorted(item for item in sample.labels.items() if item[0] != "le")
    return labels, sample.name, float(sample.labels.get("le", 0))


def _of_processes() -> Iterable[Metric]:
    """Processor time, memory and files of each worker, told apart by `pid`: one that was replaced is gone."""
    families: dict[str, Metric] = {}
    for pid in sorted(filter(_is_worker, {path.stem.rpartition("_")[2] for path in Path(_folder()).glob("*.db")})):
        for metric in ProcessCollector(pid=partial(str, pid), registry=None).collect():
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {"pid": pid}, sample.value)
    return families.values()


def _is_worker(pid: str) -> bool:
    """Whether that process lives and has the parent that this worker has: ids are used again."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
    except OSError:
        return False
    return state != "Z" and parent == str(os.getppid())


def _folder() -> str:
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")


def forget_dead_workers() -> None:
    """Take the gauges of workers that were killed out of `/metrics`. To be called in a worker, when it starts."""
    for path in Path(_folder()).glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if not is_alive(pid):
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call]  # the library does not type it
