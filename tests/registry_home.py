"""A small home for registry tests: models of a kilobyte, saved through the real `Registry` into a real store."""

import contextlib
import functools
import json
import os
import signal
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore
from conftest import SAFE
from onnx import TensorProto, checker, helper, numpy_helper

from churn.model.scorer import Scorer
from churn.registry import Registry
from churn.registry.history import Promotion
from churn.schema.reading import bundled_schema
from churn.schema.record import RECORD_VERSION, Customer

NAME = "churn_model_v1"
ENTRY = {"passed_gate": True, "rows": 1200, "metrics": {"f1": 0.71, "roc_auc": 0.7, "log_loss": 0.62}, "forced": None}

_stores: list[Path] = []


@functools.cache
def model_files(mark: str) -> dict[str, bytes]:
    """A model of the bundled table: it gives every customer the same probability, another one for each mark."""
    card = {
        "schema_version": RECORD_VERSION,
        "threshold": 0.5,
        "categories": {name: ["EU"] for name in bundled_schema().category_names},
        "train_stats": {"tenure_months": {"mean": 30.0, "std": 17.0, "of": mark}},
    }
    onnx = _constant_model(mark)
    (probability,) = Scorer(mark, onnx, card, bundled_schema()).score([Customer(SAFE)])
    golden = {"records": [{"customer": SAFE, "probability": probability}]}
    return {
        "card.json": json.dumps(card).encode(),
        "golden.json": json.dumps(golden).encode(),
        "model.onnx": onnx,
    }


def _constant_model(mark: str) -> bytes:
    bias = np.array([0.0, zlib.crc32(mark.encode()) / 2**32], np.float32)
    weights = {"w": np.zeros((3, 2), np.float32), "b": bias}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["numbers", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["sum"]),
            helper.make_node("Softmax", ["sum"], ["probabilities"]),
        ],
        mark,
        [
            helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [None, 3]),
            helper.make_tensor_value_info("categories", TensorProto.STRING, [None, 2]),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def save(registry: Registry, version: str | None = None, **entry) -> str:
    return save_files(registry, NAME, version, model_files(version or "next"), ENTRY | entry)


def save_reported(registry: Registry, version: str | None = None, **entry) -> str:
    """Save a model with a report, whose page names its mark."""
    page = {"report.html": b"<!doctype html>" + (version or "next").encode()}
    return save_files(registry, NAME, version, model_files(version or "next") | page, ENTRY | entry)


def save_files(registry: Registry, name: str, version: str | None, files: dict[str, bytes], entry: dict) -> str:
    with registry.writing(create=True) as writer:
        return writer.save(name, version, files, entry)


def promote(registry: Registry, tag: str, **how) -> Promotion | None:
    with registry.writing() as writer:
        return writer.promote(tag, **how)


def rollback(registry: Registry) -> Promotion:
    with registry.writing() as writer:
        return writer.rollback("bad")


def prune(registry: Registry, keep: int) -> list[str]:
    with registry.writing() as writer:
        return list(writer.prune(keep))


def promoted(registry: Registry, count: int) -> list[str]:
    tags = [save(registry, f"v{number}") for number in range(1, count + 1)]
    for tag in tags:
        promote(registry, tag)
    return tags


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@contextlib.contextmanager
def small_home(folder: Path) -> Iterator[Registry]:
    """A registry with a store of its own. Its parent must exist; nothing else does."""
    (folder / "home").mkdir()
    with store_at(folder / "bentoml"):
        yield Registry(folder / "home")


@contextlib.contextmanager
def store_at(folder: Path) -> Iterator[None]:
    """Make BentoML, which keeps the first home that it sees for the life of a process, use this one for a while."""
    before = {name: os.environ.get(name) for name in ("BENTOML_HOME", "BENTOML_DO_NOT_TRACK")}
    _stores.append(folder)
    _use(folder)
    try:
        yield
    finally:
        _stores.pop()
        if _stores:
            _use(_stores[-1])
        else:
            BentoMLContainer.bentoml_home.reset()
            BentoMLContainer.model_store.reset()
        for name, text in before.items():
            os.environ.pop(name) if text is None else os.environ.update({name: text})


def _use(folder: Path) -> None:
    (folder / "models").mkdir(parents=True, exist_ok=True)
    os.environ.update(BENTOML_HOME=str(folder), BENTOML_DO_NOT_TRACK="True")
    BentoMLContainer.bentoml_home.set(str(folder))
    BentoMLContainer.model_store.set(ModelStore(folder / "models"))


def fork(work: Callable[[], object]) -> int:
    """Run something in a process of its own, in which BentoML is imported already; its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        signal.alarm(60)  # an orphan must not outlive a test that failed
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may return into the test run twice
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def wait(pid: int) -> int:
    """Exit code of a forked process; negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
