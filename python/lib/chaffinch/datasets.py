"""Cleaning Hugging Face datasets."""

from __future__ import annotations

from typing import Any, TypeVar

import datasets
import pyarrow

from chaffinch._chaffinch import Pipeline, restore_batch

_Dataset = TypeVar("_Dataset", datasets.Dataset, datasets.IterableDataset)


class Cleaner:
    """A function for ``Dataset.with_format("arrow").map(…, batched=True)``."""

    def __init__(self, text: str = "text", *, pipeline: Pipeline | None = None, **columns: Any) -> None:
        self.pipeline = pipeline or Pipeline()
        self.text = text
        self.columns = columns

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        return pyarrow.table(self.pipeline.clean_batch(table, self.text, **self.columns))


def clean(
    dataset: _Dataset,
    text: str = "text",
    *,
    pipeline: Pipeline | None = None,
    map_options: dict[str, Any] | None = None,
    **columns: Any,
) -> _Dataset:
    """Cleans the column ``text`` of a dataset; see :meth:`chaffinch.Pipeline.clean_batch`.

    ``map_options`` are passed to ``map``, such as ``{"batch_size": 5000, "num_proc": 8}``. With
    ``num_proc``, say ``threads=1``.
    """
    cleaner = Cleaner(text, pipeline=pipeline, **columns)
    cleaned = dataset.with_format("arrow").map(cleaner, batched=True, **(map_options or {}))
    return cleaned.with_format(None)


def restore(dataset: datasets.Dataset, text: str = "text") -> datasets.Dataset:
    """Restores the texts of a cleaned dataset; see :func:`chaffinch.restore_batch`."""

    def restored(table: pyarrow.Table) -> pyarrow.Table:
        return pyarrow.table(restore_batch(table, text))

    remove = ["chaffinch", "chaffinch_ledger"]
    dataset = dataset.with_format("arrow").map(restored, batched=True, remove_columns=remove)
    return dataset.with_format(None)
