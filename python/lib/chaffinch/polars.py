"""Cleaning with Polars.

>>> import polars
>>> import chaffinch.polars
>>> frame = polars.DataFrame({"text": ["The talks would go on for two days, the minister said.\\n\\nSHARE THIS ARTICLE\\n"]})
>>> chaffinch.polars.clean(frame)["text"].to_list()
['The talks would go on for two days, the minister said.\\n']
"""

from __future__ import annotations

from typing import Any, TypeVar

import polars

from chaffinch._chaffinch import Pipeline, restore_batch

_Frame = TypeVar("_Frame", polars.DataFrame, polars.LazyFrame)

RESULT = polars.Struct(
    {
        "outlet": polars.String,
        "verdict": polars.String,
        "reason": polars.String,
        "fields": polars.String,
        "removed_bytes": polars.Int64,
    }
)
"""The type of the column ``chaffinch``."""

LEDGER = polars.Struct(
    {
        "digest": polars.String,
        "edits": polars.List(
            polars.Struct(
                {
                    "at": polars.Int64,
                    "rule": polars.String,
                    "text": polars.String,
                    "replacement": polars.String,
                    "confidence": polars.Int8,
                }
            )
        ),
    }
)
"""The type of the column ``chaffinch_ledger``."""


def clean(
    frame: _Frame, text: str = "text", *, pipeline: Pipeline | None = None, **columns: Any
) -> _Frame:
    """Cleans the column ``text`` of a frame; see :meth:`chaffinch.Pipeline.clean_batch`.

    A lazy frame is cleaned when it is collected, in batches if the engine streams.
    """
    pipeline = pipeline or Pipeline()

    def eager(frame: polars.DataFrame) -> polars.DataFrame:
        return polars.DataFrame(pipeline.clean_batch(frame, text, **columns))

    if isinstance(frame, polars.DataFrame):
        return eager(frame)
    schema = frame.collect_schema()
    schema.update({text: polars.String(), "chaffinch": RESULT, "chaffinch_ledger": LEDGER})
    return frame.map_batches(eager, schema=schema, streamable=True)


def text(
    column: polars.Expr | str = "text", *, pipeline: Pipeline | None = None
) -> polars.Expr:
    """An expression for the cleaned texts alone, without a ledger."""
    pipeline = pipeline or Pipeline()

    def cleaned(series: polars.Series) -> polars.Series:
        frame = polars.DataFrame(pipeline.clean_batch(series, "text"))
        return frame["text"].rename(series.name)

    expression = polars.col(column) if isinstance(column, str) else column
    return expression.map_batches(cleaned, return_dtype=polars.String, is_elementwise=True)


def restore(frame: polars.DataFrame, text: str = "text") -> polars.DataFrame:
    """Restores the texts of a cleaned frame; see :func:`chaffinch.restore_batch`."""
    return polars.DataFrame(restore_batch(frame, text))
