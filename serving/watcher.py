"""Hot swap of the served model: polls the pointer, loads and checks the model that it names, and swaps it in."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from churn.errors import ChurnError, ModelInvalid, ModelUnavailable
from churn.model.scorer import Scorer
from churn.registry import Registry
from churn.registry.entry import REPORT_HTML
from churn.registry.tag import parse_tag

log = logging.getLogger("churn.watcher")

RETRY_POLLS = 15
"""A model that failed is tried again after so many polls, even where nothing on the volume has changed: what was in
the way may be local, like a full disk."""

type _Stamp = tuple[int, int, int] | None


class _Failure(NamedTuple):
    """A model that could not be put in service: the state of the volume then, and when to try again regardless."""

    tag: str
    evidence: tuple[_Stamp, ...]
    problem: ChurnError
    retry_at: float


class ModelWatcher:
    """The model in service, swapped by one assignment when the pointer names another one.

    A model that cannot be loaded never replaces one that can: `scorer` stays what it was and `problem`
    says why. A problem is logged once, not at every poll, and a model that failed is not tried again before the
    pointer, its archive or the metadata has changed, or `RETRY_POLLS` polls have passed.

    Args:
        registry: where pointer and models are.
        model_name: the name of the models that may be served.
        poll_seconds: the time between two polls.
        on_change: called with each model put in service.
        on_failure: called at each attempt that failed.

    Attributes:
        scorer: the model in service, or None before the first one is loaded.
        page: the page of its report, which names its model; None where it has none. It is kept here, so that a
            request reads no disk.
        problem: why the pointer's model is not in service, or None when it is.
        pending: the tag of the pointer's model; None where it is in service, or where the pointer cannot be read.

    """

    def __init__(
        self,
        registry: Registry,
        model_name: str,
        poll_seconds: float,
        *,
        on_change: Callable[[Scorer], None] = lambda _: None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self.registry = registry
        self.model_name = model_name
        self.poll_seconds = poll_seconds
        self.scorer: Scorer | None = None
        self.page: bytes | None = None
        self.problem: ChurnError | None = ModelUnavailable("the registry has not been polled yet")
        self.pending: str | None = None
        self._on_change = on_change
        self._on_failure = on_failure
        self._failure: _Failure | None = None
        self._logged: str | None = None  # the problem that the log was last told of, until it is resolved
        self._files: object = None  # the digests of the files of the model in service
        self._metadata: _Stamp = None  # as it was when those were last seen to be the recorded ones

    @property
    def tag(self) -> str | None:
        """The tag of the model in service."""
        return self.scorer.tag if self.scorer else None

    def required(self) -> Scorer:
        """The model in service, for one request from its validation to its answer.

        Raises:
            ModelUnavailable: there is none.
        """
        if self.scorer is None:
            raise ModelUnavailable("no model is loaded; `GET /ready` says why")
        return self.scorer

    def poll(self) -> None:
        """Read the pointer once; load and swap in the model that it names if it is not the one in service."""
        try:
            tag = self.registry.current()
        except ChurnError as problem:
            self._report(None, problem)
            return
        if self.scorer is not None and tag == self.scorer.tag and not self._is_replaced(tag):
            self._clear_problem()
            return
        evidence = self._evidence(tag)
        if (failure := self._failure) is not None and not _may_retry(failure, tag, evidence):
            self._report(tag, failure.problem)
            return
        try:
            self._put_in_service(*self._load(tag))
            self._clear_problem()
        except ChurnError as problem:
            retry_at = time.monotonic() + RETRY_POLLS * self.poll_seconds
            self._failure = _Failure(tag, evidence, problem, retry_at)
            self._on_failure()
            self._report(tag, problem)

    def _is_replaced(self, tag: str) -> bool:
        """Whether the registry holds another model under the tag in service, as one that was begun anew may."""
        stamp = _stamp(self.registry.layout.metadata)
        if stamp == self._metadata:
            return False
        try:
            recorded = self.registry.entry(tag).files
        except ChurnError:
            return False  # nothing is known of it, so what is in service stays
        if recorded == self._files:
            self._metadata = stamp
        return bool(recorded != self._files)

    def _load(self, tag: str) -> tuple[Scorer, bytes | None]:
        name = tag.partition(":")[0]
        if name != self.model_name:
            raise ModelInvalid(
                f"the pointer names {tag}, this service serves {self.model_name}; "
                "promote a model of that name, or set MODEL_NAME"
            )
        try:
            files = self.registry.entry(tag).files
            folder = self.registry.fetch(tag)
            scorer = Scorer.load(tag, folder)
            page = (folder / REPORT_HTML).read_bytes() if REPORT_HTML in files else None
            self._files = files
            return scorer, page
        except ChurnError:
            raise
        except Exception as error:
            log.exception("loading a model failed", extra={"model_tag": tag})
            reason = str(error) or "it failed without a reason"
            raise ModelInvalid(f"model {tag} cannot be loaded: {reason}; the log of the service has more") from error

    def _evidence(self, tag: str) -> tuple[_Stamp, ...]:
        """What changes when the state of the volume does, for this model."""
        layout, parsed = self.registry.layout, parse_tag(tag)
        archive = layout.archive(parsed) if parsed else layout.models
        return tuple(_stamp(path) for path in (layout.pointer, archive, layout.metadata))

    def _clear_problem(self) -> None:
        self._failure = self.problem = self.pending = None
        if self._logged is not None:
            log.info("model problem resolved", extra={"model_tag": self.tag, "reason": self._logged})
            self._logged = None

    def _report(self, tag: str | None, problem: ChurnError) -> None:
        if str(problem) != self._logged:
            self._logged = str(problem)
            log.warning("model not loaded", extra={"model_tag": self.tag, "pending": tag, "reason": str(problem)})
        self.pending, self.problem = tag, problem

    def _put_in_service(self, scorer: Scorer, page: bytes | None) -> None:
        previous = self.tag
        self.page = page
        self.scorer = scorer
        self._on_change(scorer)
        log.info("model in service", extra={"model_tag": scorer.tag, "previous": previous})


def _may_retry(failure: _Failure, tag: str, evidence: tuple[_Stamp, ...]) -> bool:
    return (tag, evidence) != failure[:2] or time.monotonic() >= failure.retry_at


def _stamp(path: Path) -> _Stamp:
    """Changes when a file is replaced, written to, removed or put back."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
