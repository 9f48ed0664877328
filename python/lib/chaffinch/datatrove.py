"""Cleaning in datatrove pipelines."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow
from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from chaffinch._chaffinch import Pipeline

BATCH = 256
"""Documents that are cleaned at once."""


class Chaffinch(PipelineStep):  # type: ignore[misc, unused-ignore]
    """A step that cleans documents.

    Each document gets two more entries in ``metadata``, ``chaffinch`` and ``chaffinch_ledger``, which are
    the columns of :meth:`chaffinch.Pipeline.clean_batch`. The statistics count verdicts and removed bytes.

    Args:
        pipeline: The pipeline. By default the one that ships.
        url: The entry of ``metadata`` with the URL of a document.
        date: The entry of ``metadata`` with its day.
        threads: The number of threads for each task of the executor.
    """

    name = "🐦 Chaffinch"
    type = "✂️ - CLEANER"

    def __init__(
        self,
        pipeline: Pipeline | None = None,
        *,
        url: str = "url",
        date: str = "date",
        threads: int = 1,
    ) -> None:
        super().__init__()
        self.pipeline = pipeline or Pipeline()
        self.url, self.date, self.threads = url, date, threads

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Cleans documents, in batches."""
        batch: list[Document] = []
        for document in data or ():
            batch.append(document)
            if len(batch) == BATCH:
                yield from self._clean(batch)
                batch = []
        yield from self._clean(batch)

    def _clean(self, documents: list[Document]) -> Iterator[Document]:
        def column(name: str) -> list[str | None]:
            values = (document.metadata.get(name) for document in documents)
            return [None if value is None else str(value) for value in values]

        texts = [document.text for document in documents]
        columns = {"text": texts, "url": column(self.url), "date": column(self.date)}
        with self.track_time("batch"):
            table = pyarrow.table({n: pyarrow.array(v, pyarrow.string()) for n, v in columns.items()})
            table = pyarrow.table(self.pipeline.clean_batch(table, "text", threads=self.threads))
        for document, row in zip(documents, table.to_pylist()):
            document.text = row["text"]
            document.metadata["chaffinch"] = row["chaffinch"]
            document.metadata["chaffinch_ledger"] = row["chaffinch_ledger"]
            self.stat_update(row["chaffinch"]["verdict"])
            self.stat_update("removed_bytes", value=row["chaffinch"]["removed_bytes"])
            yield document
