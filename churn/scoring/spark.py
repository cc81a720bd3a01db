"""Spark engine: the scores of a DataFrame of customers, computed where its partitions are.

The extra `spark` brings pyspark (`pip install 'churn-api[spark]'`). Executors need this package too: install it there,
or hand them its wheel (`spark-submit --py-files`) beside an environment with its dependencies. They need neither the
registry nor its volume: the model travels with the function.

Example:
    scored = score(spark.read.parquet("s3a://bucket/customers"), load_model())
    scored.write.parquet("s3a://bucket/scores")

"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f
from pyspark.sql import types as t
from pyspark.sql.pandas.types import to_arrow_schema

from churn.errors import DataError
from churn.scoring.partition import PartScorer, needed_columns
from churn.scoring.stored_model import StoredModel, load_model

_SCORES = {
    "probability": t.DoubleType(),
    "prediction": t.ByteType(),
    "model_version": t.StringType(),
    "warnings": t.ArrayType(t.StringType()),
    "summary": t.ArrayType(t.StringType()),
    "reasons": t.StringType(),
}


def score(
    df: DataFrame, model: StoredModel | str | None = None, *, keep: Sequence[str] = (), explain: bool = False
) -> DataFrame:
    """Score a DataFrame of customers, with the columns that training files have.

    Args:
        df: [rows] customers.
        model: what `load_model` gave, or the tag of a stored model, or None for the current one; of the last two, the
            model is read from the registry here, on the driver.
        keep: columns to carry along, beside the identifier.
        explain: whether each row has its reasons.

    Returns:
        [rows] the columns of `TableScorer.output`, in the order of `df`; computed when an action asks for them. The
        action fails with a DataError's text, which names row, column and value, where a row is invalid.

    Raises:
        DataError: the table has not the columns that the model needs.
        NoModel: there is none, or it cannot be used.

    """
    stored = model if isinstance(model, StoredModel) else load_model(model)
    names = _needed(df, stored, keep)
    used = df.select([_column(name) for name in names])
    part = PartScorer(stored, keep=keep, explain=explain)
    output = part.table_scorer(to_arrow_schema(used.schema)).output

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return part.score(batch.rename_columns(names) for batch in batches)

    # Of a column whose name has dots, `mapInArrow` would look for a field.
    plain = used.toDF(*(f"c{number}" for number in range(len(names))))
    return plain.mapInArrow(run, t.StructType([_field(name, used.schema) for name in output.names]))


def _needed(df: DataFrame, model: StoredModel, keep: Sequence[str]) -> list[str]:
    names = needed_columns(df.columns, model.scorer.schema, keep)
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"the table cannot be scored:\n  column {twice[0]!r} is there twice")
    return names


def _field(name: str, found: t.StructType) -> t.StructField:
    """A column of the scores: of its own, or as the table has it."""
    return t.StructField(name, _SCORES[name]) if name in _SCORES else found[name]


def _column(name: str) -> Column:
    """The column of exactly this name, which may have dots."""
    return f.col(f"`{name.replace('`', '``')}`")
