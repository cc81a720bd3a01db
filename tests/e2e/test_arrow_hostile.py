"""Hostile Arrow streams at the front door: a 400 that says why, soon, in bounded memory, and the service goes on."""

import random
import struct
import time
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from arrow_streams import answered, ask, stream
from conftest import SAFE
from flatbuffers.table import Table
from hostile import check_answer, target_server

pytestmark = pytest.mark.slow

MUTATIONS = 1_000
MEBI = 2**20
ROWS = 40

target = pytest.fixture(scope="module")(target_server)


def plain(rows: int = ROWS, **columns: pa.Array) -> pa.Table:
    table = pa.Table.from_pylist([SAFE] * rows)
    for name, column in columns.items():
        place = table.schema.get_field_index(name)
        table = table.append_column(name, column) if place < 0 else table.set_column(place, name, column)
    return table


def texts(rows: int = ROWS) -> pa.Array:
    return pa.array(["basic", "a text that a view cannot hold"] * (rows // 2))


SEEDS = [
    stream(table, rows=rows)
    for rows in (None, 7)
    for table in (
        plain(request_id=pa.array(["mine", None] * (ROWS // 2))),
        plain(plan_type=texts().dictionary_encode(), region=texts().cast(pa.large_string())),
        plain(plan_type=texts().cast(pa.string_view()), num_complaints=pa.array([3] * ROWS).cast(pa.decimal128(22, 2))),
    )
]
NUMBERS = (-1, 0, 1, 255, ROWS + 1, 2**16, 2**24, 2**31 - 1, -(2**31))


def mutated(seed: int) -> bytes:
    """A good stream, bent in one to three places."""
    dice = random.Random(seed)  # noqa: S311 - to be the same again
    body = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randrange(1, 4)):
        kind, at = dice.random(), dice.randrange(len(body) - 8)
        if kind < 0.35:
            body[at] = dice.randrange(256)
        elif kind < 0.6:
            body[at - at % 4 : at - at % 4 + 4] = struct.pack("<i", dice.choice(NUMBERS))
        elif kind < 0.75:
            body[at - at % 8 : at - at % 8 + 8] = struct.pack("<q", dice.choice((*NUMBERS, 2**40, 2**63 - 1, -(2**63))))
        elif kind < 0.9:
            del body[at : at + dice.randrange(1, 40)]
        else:
            del body[max(at, 9) :]
            body += bytes(16)
    return bytes(body)


def peak_mib(server) -> float:
    """The most memory that a worker has ever had."""
    statuses = [Path(f"/proc/{pid}/status").read_text(encoding="utf-8") for pid in server.worker_pids()]
    return max(int(status.partition("VmHWM:")[2].split()[0]) / 1024 for status in statuses)


def check_refused(server, body: bytes, *, status: int = 400, seconds: float = 3.0) -> str:
    """Refused soon, without a journal line; the first problem's message."""
    lines, started = len(server.home.journal_lines()), time.monotonic()
    answer = ask(server, body)
    took = time.monotonic() - started
    check_answer(answer.status_code, answer.headers, answer.content)
    assert answer.status_code == status, answer.text[:500]
    assert took < seconds
    assert len(server.home.journal_lines()) == lines
    message: str = answer.json()["detail"][0]["msg"]
    return message


def sharing_buffers(table: pa.Table) -> bytes:
    """The table's stream, each buffer of its batch being all of the body."""
    body = bytearray(stream(table))
    schema_end = 8 + struct.unpack_from("<i", body, 4)[0]
    (size,) = struct.unpack_from("<i", body, schema_end + 4)
    metadata = body[schema_end + 8 : schema_end + 8 + size]
    message = Table(metadata, struct.unpack_from("<I", metadata)[0])
    batch = Table(metadata, message.Indirect(message.Pos + message.Offset(8)))
    offset, (length,) = batch.Offset(8), struct.unpack_from("<q", metadata, message.Pos + message.Offset(10))
    for number in range(batch.VectorLen(offset)):
        struct.pack_into("<qq", body, schema_end + 8 + batch.Vector(offset) + 16 * number, 0, length)
    return bytes(body)


def viewing(rows: int, size: int) -> pa.Array:
    """Views of one text of that size, in each row."""
    view = np.frombuffer(struct.pack("<i4sii", size, b"xxxx", 0, 0), np.uint8)
    buffers = [None, pa.py_buffer(np.tile(view, rows)), pa.py_buffer(b"x" * size)]
    return pa.Array.from_buffers(pa.string_view(), rows, buffers)


def in_many_batches(count: int, rows: int = 0) -> bytes:
    sink = pa.BufferOutputStream()
    batch = plain(max(rows, 1)).to_batches()[0].slice(0, rows)
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for _ in range(count):
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def with_deltas() -> bytes:
    sink = pa.BufferOutputStream()
    parts = [plain(2, plan_type=pa.array(values).dictionary_encode()) for values in (["a", "b"], ["a", "b", "c"][:2])]
    parts[1] = plain(
        2, plan_type=pa.DictionaryArray.from_arrays(pa.array([0, 2], pa.int32()), pa.array(["a", "b", "c"]))
    )
    with pa.ipc.new_stream(
        sink, parts[0].schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    ) as writer:
        for part in parts:
            writer.write_table(part)
    return sink.getvalue().to_pybytes()


def nulls(rows: int) -> bytes:
    return stream(pa.RecordBatch.from_arrays([pa.nulls(rows)] * len(SAFE), list(SAFE)))


def deep(levels: int) -> pa.Array:
    kind = pa.int8()
    for _ in range(levels):
        kind = pa.list_(kind)
    return pa.nulls(ROWS, kind)


ZSTD = pa.ipc.IpcWriteOptions(compression="zstd")
BOMBS = {
    "no stream": (lambda: b'{"customers": []}', ""),
    "nothing": (lambda: b"", ""),
    "a file instead of a stream": (lambda: b"ARROW1\0\0" + SEEDS[0], ""),
    "a length past every number": (lambda: b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 64, ""),
    "a cut between two batches": (lambda: SEEDS[3][:-8], "cut off"),
    "more after the end": (lambda: SEEDS[0] + SEEDS[0], "after its end"),
    "billions of rows of nothing": (lambda: nulls(2**31 - 1), "List should have at most"),
    "half a million rows of nothing": (lambda: nulls(500_001), "List should have at most 500000 items"),
    "zeros that are compressed": (lambda: stream(plain(400_000), options=ZSTD), "compress"),
    "columns that share their bytes": (lambda: sharing_buffers(plain(200_000)), "larger than its body"),
    "views that share a text": (lambda: stream(plain(4_000, region=viewing(4_000, 4 * MEBI))), "views share"),
    "views of a dictionary that share a text": (
        lambda: stream(
            plain(
                4_000,
                region=pa.DictionaryArray.from_arrays(pa.array(range(4_000), pa.int32()), viewing(4_000, 4 * MEBI)),
            )
        ),
        "views share",
    ),
    "dictionaries that grow": (with_deltas, "delta"),
    "thousands of batches of no row": (lambda: in_many_batches(4_000), "batches of rows"),
    "a schema of megabytes": (
        lambda: stream(plain().replace_schema_metadata({"x": "y" * 2 * MEBI})),
        "bytes of metadata",
    ),
    "thousands of columns": (lambda: stream(plain(1, **{f"c{n}": pa.array([1]) for n in range(2_000)})), ""),
    "lists in lists": (lambda: stream(plain(region=deep(60))), "valid string"),
    "a text of megabytes": (lambda: stream(plain(region=pa.array(["x" * 7 * MEBI] + ["EU"] * (ROWS - 1)))), "at most"),
    "an id of megabytes": (
        lambda: stream(plain(request_id=pa.array(["x" * 7 * MEBI] + ["a"] * (ROWS - 1)))),
        "at most 128",
    ),
    "an index outside of its dictionary": (
        lambda: stream(
            plain(
                region=pa.DictionaryArray.from_arrays(
                    pa.array([0, 9] * (ROWS // 2)), pa.array(["EU", "AF"]), safe=False
                )
            )
        ),
        "outside of its dictionary",
    ),
    "texts that are not UTF-8": (
        lambda: stream(plain(region=pa.array([b"\xff\xfe"] * ROWS).view(pa.string()))),
        "UTF8",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_for_what_it_is(target, name):
    make, why = BOMBS[name]
    assert why in check_refused(target, make())
    assert httpx.get(f"{target.url}/ready").status_code == 200


def test_a_stream_that_is_cut_off_anywhere_is_refused(target):
    body = SEEDS[1]
    for end in range(0, len(body), 64):
        check_refused(target, body[:end])


def test_a_dictionary_of_megabytes_that_is_hardly_used_is_taken_once(target):
    """Three batches that share it; of its entries one is used, and the others are no valid texts."""
    rows = 3 * 1_000
    entries = pa.array(["EU", *(["\n" * 60] * 100_000)])
    region = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), entries)
    assert answered(ask(target, stream(plain(rows, region=region), rows=1_000))).num_rows == rows


def test_mutations_are_answered_or_refused_in_bounded_memory(target):
    answered(ask(target, stream(plain(100_000))))
    before, allowed = peak_mib(target), {200, 400}
    statuses = []
    with httpx.Client() as client:
        for seed in range(MUTATIONS):
            answer = client.post(
                f"{target.url}/predict/batch",
                content=mutated(seed),
                headers={"content-type": "application/vnd.apache.arrow.stream"},
                timeout=30,
            )
            check_answer(answer.status_code, answer.headers, answer.content if answer.status_code != 200 else b"")
            statuses.append(answer.status_code)
    assert set(statuses) == allowed
    assert statuses.count(400) > MUTATIONS / 2
    assert peak_mib(target) - before < 32


def test_the_bombs_together_take_no_more_memory_than_the_largest_batch(target):
    region = pa.array(["EU", "AF"] * 250_000).dictionary_encode()
    region = pa.DictionaryArray.from_arrays(region.indices.cast(pa.int8()), region.dictionary)
    numbers = {"tenure_months": pa.uint8(), "num_complaints": pa.uint8(), "avg_session_minutes": pa.float32()}
    columns = {name: pa.array(np.full(500_000, 7)).cast(kind, safe=False) for name, kind in numbers.items()}
    assert answered(ask(target, pa.table({**columns, "plan_type": region, "region": region}))).num_rows == 500_000
    before = peak_mib(target)
    for make, _ in BOMBS.values():
        check_refused(target, make())
    assert before < 400
    assert peak_mib(target) - before < 32
