"""Cleaning with Spark. Every executor needs this package and pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    ByteType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from chaffinch._chaffinch import Pipeline, restore_batch
from chaffinch._shipped import Shipped

RESULT = StructType(
    [
        StructField("outlet", StringType()),
        StructField("verdict", StringType()),
        StructField("reason", StringType()),
        StructField("fields", StringType()),
        StructField("removed_bytes", LongType()),
    ]
)
"""The type of the column ``chaffinch``."""

LEDGER = StructType(
    [
        StructField("digest", StringType()),
        StructField(
            "edits",
            ArrayType(
                StructType(
                    [
                        StructField("at", LongType()),
                        StructField("rule", StringType()),
                        StructField("text", StringType()),
                        StructField("replacement", StringType()),
                        StructField("confidence", ByteType()),
                    ]
                )
            ),
        ),
    ]
)
"""The type of the column ``chaffinch_ledger``."""

_ADDED = {"chaffinch": RESULT, "chaffinch_ledger": LEDGER}


def clean(
    frame: DataFrame, text_col: str = "text", *, pipeline: Pipeline | None = None, **columns: Any
) -> DataFrame:
    """Cleans the column ``text_col`` of a data frame; see :meth:`chaffinch.Pipeline.clean_batch`.

    The pipeline is broadcast, and each Python worker makes it once.
    """
    if text_col not in frame.columns:
        raise KeyError(f"no column is named {text_col!r}; the columns are {frame.columns}")
    kept = [field for field in frame.schema.fields if field.name not in _ADDED]
    added = [StructField(name, kind) for name, kind in _ADDED.items()]
    broadcast = frame.sparkSession.sparkContext.broadcast(
        Shipped(pipeline or Pipeline(), cloudpickle.dumps)
    )

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        pipeline = broadcast.value.get()
        for batch in batches:
            # Spark runs one task for each core.
            cleaned = pipeline.clean_batch(batch, text_col, threads=1, **columns)
            yield from pyarrow.table(cleaned).to_batches()

    return frame.mapInArrow(run, StructType(kept + added))


def restore(frame: DataFrame, text_col: str = "text") -> DataFrame:
    """Restores the texts of a cleaned data frame; see :func:`chaffinch.restore_batch`."""
    kept = [field for field in frame.schema.fields if field.name not in _ADDED]

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for batch in batches:
            yield from pyarrow.table(restore_batch(batch, text_col)).to_batches()

    return frame.mapInArrow(run, StructType(kept))


def counts(frame: DataFrame) -> dict[str, int]:
    """The number of documents of a cleaned data frame with each verdict."""
    rows = frame.groupBy("chaffinch.verdict").count().collect()
    return {row["verdict"]: row["count"] for row in rows}
