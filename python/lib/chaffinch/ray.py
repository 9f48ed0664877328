"""Cleaning with Ray: datasets of Ray Data, and Parquet files."""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow
import pyarrow.compute
import pyarrow.fs
import pyarrow.parquet
import ray
import ray.cloudpickle
import ray.data

from chaffinch._chaffinch import Pipeline
from chaffinch._shipped import Shipped
from chaffinch._types import Error


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


_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".wet")
_COMPRESSED = (".gz", ".zst", ".bz2")


class _Task(NamedTuple):
    """A row group to clean, and the file to write it to; or a file, and the directory to write it to."""

    source: str
    group: int | None
    target: str


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
    what was written from the same input with the same pipeline is kept.

    Args:
        paths: Files, and directories that contain some, on storage that all nodes share. Parquet files
            may have addresses that ``pyarrow.fs`` reads, such as ``s3://bucket/folder``.
        output: The directory to write to, on shared storage.
        text: The column that holds the text. By default the first of ``text``, ``content`` and ``body``.
        pipeline: The pipeline. By default the one that ships.
        num_cpus: The cores of a task.
        max_retries: How often a task is repeated if its node is lost.
        columns: Keywords of :meth:`chaffinch.Pipeline.clean_batch`, such as ``url="link"``.

    Returns:
        The number of documents with each verdict, and ``removed_bytes``.
    """
    tasks = list(_tasks(paths, os.fspath(output)))
    shipped = ray.put(_ship(pipeline))
    work = ray.remote(num_cpus=num_cpus, max_retries=max_retries)(_run)
    total: Counter[str] = Counter()
    running: list[Any] = []
    # A bounded number of tasks, because there may be millions.
    most = 4 * max(1, int(ray.cluster_resources().get("CPU", 1) / num_cpus))
    for task in tasks:
        if len(running) >= most:
            done, running = ray.wait(running)
            total.update(ray.get(done[0]))
        running.append(work.remote(task, shipped, text, columns))
    for counted in ray.get(running):
        total.update(counted)
    return dict(total)


def _tasks(paths: Any, output: str) -> Iterator[_Task]:
    """The row groups of files, in order."""
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    sources: dict[str, str] = {}
    for path in map(os.fspath, paths):
        filesystem, place = _filesystem(path)
        info = filesystem.get_file_info(place)
        if info.type == pyarrow.fs.FileType.NotFound:
            raise Error(f"{path}: there is no such file or directory")
        if info.type == pyarrow.fs.FileType.File:
            files = {posixpath.basename(place): path}
        else:
            selector = pyarrow.fs.FileSelector(place, recursive=True)
            found = sorted(file.path for file in filesystem.get_file_info(selector) if _is_known(file.path))
            if not found:
                kinds = ", ".join(f"*{suffix}" for suffix in (".parquet", *_SUFFIXES))
                raise Error(f"{path} contains no file to clean ({kinds}, the latter also compressed)")
            files = {file[len(place) :].lstrip("/"): path.rstrip("/") + file[len(place) :] for file in found}
        for name, file in files.items():
            if name in sources:
                raise Error(f"{file} and {sources[name]} would be written to the same files")
            sources[name] = file
    for name, source in sources.items():
        filesystem, place = _filesystem(source)
        if not name.endswith(".parquet"):
            if not isinstance(filesystem, pyarrow.fs.LocalFileSystem):
                raise Error(f"{source} is not on a file system: only Parquet files can be read from there")
            yield _Task(place, None, f"{output.rstrip('/')}/{name}")
            continue
        try:
            metadata = pyarrow.parquet.read_metadata(place, filesystem=filesystem)
        except pyarrow.ArrowInvalid as error:
            raise Error(f"{source} is no Parquet file: {error}") from error
        stem = name.removesuffix(".parquet")
        for group in range(metadata.num_row_groups):
            target = f"{output.rstrip('/')}/{stem}-{group:05}.parquet"
            yield _Task(source, group, target)


def _is_known(path: str) -> bool:
    """Whether a file of a directory is cleaned, by its name."""
    for suffix in _COMPRESSED:
        if path.endswith(suffix):
            return path.removesuffix(suffix).endswith(_SUFFIXES)
    return path.endswith((".parquet", *_SUFFIXES))


def _filesystem(path: str) -> tuple[pyarrow.fs.FileSystem, str]:
    if "://" in path:
        filesystem, place = pyarrow.fs.FileSystem.from_uri(path)
        return filesystem, place
    return pyarrow.fs.LocalFileSystem(), os.path.abspath(path)


def _run(
    task: _Task, shipped: Shipped, text: str | None, columns: dict[str, Any]
) -> dict[str, int]:
    """Carries out a task and returns its counts."""
    if task.group is None:
        return _clean_file(task.source, task.target, shipped, text)
    filesystem, place = _filesystem(task.source)
    to_filesystem, target = _filesystem(task.target)
    with pyarrow.parquet.ParquetFile(place, filesystem=filesystem) as file:
        made_from = {
            "pipeline": shipped.digest,
            "source": task.source,
            "group": task.group,
            "rows": file.metadata.row_group(task.group).num_rows,
            "bytes": file.metadata.row_group(task.group).total_byte_size,
            "text": text,
            "columns": columns,
        }
        known = _known(to_filesystem, target, made_from)
        if known is not None:
            return known
        table = file.read_row_group(task.group)
    batch = shipped.get().clean_batch(table, text, threads=1, **columns)
    cleaned = pyarrow.table(batch)
    removed = pyarrow.compute.struct_field(cleaned["chaffinch"], "removed_bytes")
    counted = {**batch.counts, "removed_bytes": pyarrow.compute.sum(removed).as_py() or 0}
    record = json.dumps({"made_from": made_from, "counts": counted}, sort_keys=True)
    cleaned = cleaned.replace_schema_metadata({**(cleaned.schema.metadata or {}), _RECORD: record})
    # A task may run twice at the same time, if its node is thought to be lost.
    part = f"{target}.{uuid.uuid4().hex}.part"
    to_filesystem.create_dir(posixpath.dirname(target), recursive=True)
    pyarrow.parquet.write_table(cleaned, part, filesystem=to_filesystem, compression="zstd")
    to_filesystem.move(part, target)
    return counted


def _clean_file(source: str, target: str, shipped: Shipped, text: str | None) -> dict[str, int]:
    """Cleans a file that is not Parquet, into a directory."""
    made_from = {
        "pipeline": shipped.digest,
        "source": source,
        "bytes": os.path.getsize(source),
        "text": text,
    }
    record = os.path.join(target, ".chaffinch", "ray.json")

    def known() -> dict[str, int] | None:
        try:
            with open(record, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return None
        counts: dict[str, int] = found["counts"]
        return counts if found["made_from"] == made_from else None

    done = known()
    if done is not None:
        return done
    part = f"{target}.{uuid.uuid4().hex}.part"
    counts = shipped.get().clean_files([source], part, text=text, threads=1)
    with open(os.path.join(part, ".chaffinch", "ray.json"), "w", encoding="utf-8") as file:
        json.dump({"made_from": made_from, "counts": counts}, file)
    try:
        if os.path.isdir(target) and known() is None:
            shutil.rmtree(target)
        os.rename(part, target)
    except OSError:
        # The same task ran elsewhere, because this node was thought to be lost.
        if known() is None:
            raise
        shutil.rmtree(part)
    return counts


_RECORD = b"chaffinch"


def _known(
    filesystem: pyarrow.fs.FileSystem, target: str, made_from: dict[str, Any]
) -> dict[str, int] | None:
    """The counts of a file that an earlier call wrote from the same input with the same pipeline."""
    if filesystem.get_file_info(target).type != pyarrow.fs.FileType.File:
        return None
    metadata = pyarrow.parquet.read_schema(target, filesystem=filesystem).metadata or {}
    record = json.loads(metadata.get(_RECORD, b"{}"))
    counts: dict[str, int] | None = record.get("counts")
    return counts if record.get("made_from") == made_from else None
