"""Spark gives each row the bytes of the plain function."""

import shutil
import sys

import pytest

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

import pyarrow.parquet as pq
from engine_models import KEEP, ROWS, engines
from pyspark import SparkContext
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from churn.errors import DataError
from churn.scoring.spark import score
from churn.scoring.table import score_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed"),
]
__all__ = ["engines"]


@pytest.fixture(scope="module")
def spark():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.memory", "1g")
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "1000")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        gateway = SparkContext._gateway
        yield session
        session.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=30)
        SparkContext._gateway = SparkContext._jvm = None


@pytest.mark.parametrize("name", ["bundled", "shop"])
def test_same_rows_and_same_bytes(spark, engines, tmp_path, name):
    found = getattr(engines, name)
    df = spark.read.parquet(str(found.write(tmp_path / "in")))
    scored = score(df, found.model, keep=[KEEP], explain=True).toArrow().sort_by(KEEP)
    expected = score_table(found.table, found.model, keep=[KEEP], explain=True)
    assert scored[KEEP].to_pylist() == list(range(ROWS))
    assert scored.cast(expected.schema).equals(expected)


def test_order_is_that_of_the_table(spark, engines, tmp_path):
    df = spark.read.parquet(str(engines.bundled.write(tmp_path / "in")))
    assert score(df, engines.bundled.model, keep=[KEEP]).toArrow()[KEEP].equals(df.toArrow()[KEEP])


def test_a_tag_is_enough_and_executors_need_no_registry(spark, engines, tmp_path, monkeypatch):
    home = tmp_path / "home"
    shutil.copytree(engines.home.path, home)
    monkeypatch.setenv("CHURN_HOME", str(home))
    monkeypatch.setenv("BENTOML_HOME", str(engines.home.bentoml_home))
    found = engines.shop
    df = spark.read.parquet(str(found.write(tmp_path / "in", files=1)))
    scored = [score(df, found.model.tag), score(df)]  # it is the current one, too
    shutil.rmtree(home)
    expected = score_table(found.table, found.model)
    for each in scored:
        assert each.columns == expected.schema.names
        assert each.toArrow()["probability"].to_pylist() == expected["probability"].to_pylist()


def test_an_invalid_row_is_named_or_shown(spark, engines, tmp_path):
    cases = {
        "column tenure_months: '500' is out of range; allowed: .*; the row: .*EU": (
            engines.bundled, engines.bundled.with_value(1234, "tenure_months", 500),
        ),
        "customer 'C-001234', column items: '501' is out of range": (
            engines.shop, engines.shop.with_value(1234, "items", 501),
        ),
    }  # fmt: skip
    for number, (message, (found, table)) in enumerate(cases.items()):
        pq.write_table(table, tmp_path / f"{number}.parquet")
        with pytest.raises(PythonException, match=message):
            score(spark.read.parquet(str(tmp_path / f"{number}.parquet")), found.model).count()


def test_a_wrong_table_is_refused_at_once(spark, engines):
    df = spark.createDataFrame([(1, 2)], ["tenure_months", "a.b"])
    with pytest.raises(DataError, match="column 'plan_type' is missing"):
        score(df, engines.bundled.model)
    df = spark.createDataFrame(engines.bundled.table.slice(0, 10))
    with pytest.raises(DataError, match="column 'segment' cannot be carried along"):
        score(df, engines.bundled.model, keep=["segment"])


def test_names_with_dots_and_columns_that_are_there_twice(spark, engines):
    table = engines.bundled.table.slice(0, 10)
    df = spark.createDataFrame(table.rename_columns([*table.schema.names[:-1], "a.`b"]))
    assert score(df, engines.bundled.model, keep=["a.`b"]).toArrow()["a.`b"].to_pylist() == list(range(10))
    with pytest.raises(DataError, match="column 'region' is there twice"):
        score(df.join(df.select("region").limit(1)), engines.bundled.model)


def test_an_empty_table_has_no_scores(spark, engines):
    df = spark.createDataFrame(engines.bundled.table.slice(0, 10)).limit(0)
    assert score(df, engines.bundled.model).toArrow().num_rows == 0


def test_texts_may_have_64_bit_offsets(spark, engines):
    found = engines.shop
    spark.conf.set("spark.sql.execution.arrow.useLargeVarTypes", "true")
    try:
        scored = score(spark.createDataFrame(found.table), found.model).toArrow()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.useLargeVarTypes")
    expected = score_table(found.table, found.model)
    assert scored.cast(expected.schema).equals(expected)
