"""Cleaning with Ray: datasets of Ray Data, and Parquet files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow
import pyarrow.compute
import ray
import ray.cloudpickle
import ray.data

from chaffinch._chaffinch import Pipeline
from chaffinch._shipped import Shipped
from chaffinch._tasks import run, tasks


class _Clean:
    """Cleans a batch of a dataset."""

    def __init__(self, shipped: Shipped, text: str, columns: dict[str, Any]) -> None:
        self.shipped, self.text, self.columns = shipped, text, columns

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        return _clean(self.shipped, table, self.text, self.columns)


def _clean(
    shipped: Shipped, table: pyarrow.Table, text: str | None, columns: dict[str, Any]
) -> pyarrow.Table:
    # Ray runs one task for each core.
    return pyarrow.table(shipped.get().clean_batch(table, text, threads=1, **columns))


def _ship(pipeline: Pipeline | None) -> Shipped:
    return Shipped(pipeline or Pipeline(), ray.cloudpickle.dumps)


def clean(
    dataset: ray.data.Dataset,
    text: str = "text",
    *,
    pipeline: Pipeline | None = None,
    map_options: dict[str, Any] | None = None,
    **columns: Any,
) -> ray.data.Dataset:
    """Cleans the column ``text`` of a dataset; see :meth:`chaffinch.Pipeline.clean_batch`.

    Each worker process makes the pipeline once. ``map_options`` are passed to ``map_batches``, such as
    ``{"batch_size": 1000}``.
    """
    function = _Clean(_ship(pipeline), text, columns)
    options = {"batch_format": "pyarrow", "zero_copy_batch": True, **(map_options or {})}
    return dataset.map_batches(function.__call__, **options)


def counts(dataset: ray.data.Dataset) -> dict[str, int]:
    """The number of documents of a cleaned dataset with each verdict."""

    def of_batch(table: pyarrow.Table) -> pyarrow.Table:
        verdicts = pyarrow.compute.struct_field(table["chaffinch"], "verdict")
        counted = pyarrow.compute.value_counts(verdicts)
        return pyarrow.table({"verdict": counted.field("values"), "count": counted.field("counts")})

    total: Counter[str] = Counter()
    for row in dataset.map_batches(of_batch, batch_format="pyarrow").iter_rows():
        total[row["verdict"]] += row["count"]
    return dict(total)


def clean_files(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    text: str | None = None,
    *,
    pipeline: Pipeline | None = None,
    num_cpus: float = 1,
    max_retries: int = 10,
    **columns: Any,
) -> dict[str, int]:
    """Cleans files into a directory. Its tasks read and write the files themselves, so no text passes
    through Ray's object store, and a node that is lost costs only the tasks that ran on it.

    A row group of a Parquet file is a task, which writes ``NAME-GROUP.parquet``. Any other file (JSON
    Lines, CSV, WET, also compressed) is a task, which writes the directory ``NAME`` as
    :meth:`chaffinch.Pipeline.clean_files` does. Output appears when it is complete. Calling it again resumes:
    what was written from the same input with the same pipeline is kept. An input is the same if its size and
    timestamps are; one without timestamps, or that was written less than two seconds before it was read, is
    cleaned again.

    Args:
        paths: Files, and directories that contain some, on storage that all nodes share. Parquet files
            may have addresses that ``pyarrow.fs`` reads, such as ``s3://bucket/folder``; then a task needs memory
            for its whole row group.
        output: The directory to write to, on shared storage.
        text: The column that holds the text. By default the first of ``text``, ``content`` and ``body``.
        pipeline: The pipeline. By default the one that ships.
        num_cpus: The cores of a task.
        max_retries: How often a task is repeated if its node is lost.
        columns: Keywords of :meth:`chaffinch.Pipeline.clean_batch`, such as ``url="link"``.

    Returns:
        The number of documents with each verdict, and ``removed_bytes``.
    """
    todo = tasks(paths, os.fspath(output))
    shipped = ray.put(_ship(pipeline))
    work = ray.remote(num_cpus=num_cpus, max_retries=max_retries)(run)
    total: Counter[str] = Counter()
    running: list[Any] = []
    # A bounded number of tasks, because there may be millions.
    most = 4 * max(1, int(ray.cluster_resources().get("CPU", 1) / num_cpus))
    for task in todo:
        if len(running) >= most:
            done, running = ray.wait(running)
            total.update(ray.get(done[0]))
        running.append(work.remote(task, shipped, text, columns))
    for counted in ray.get(running):
        total.update(counted)
    return dict(total)
