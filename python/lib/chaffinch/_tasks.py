"""Tasks that clean files and can be repeated: the work of :func:`chaffinch.ray.clean_files`.

A *task* cleans a row group of a Parquet file, or another file. Its output has a record of what it was made
from, so that a task that is repeated keeps the output unless the input or the pipeline changed.

The extension module reads and writes the row groups of local files. pyarrow lists them, and reads and writes what
is elsewhere, such as in an object store.
"""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow
import pyarrow.compute
import pyarrow.fs
import pyarrow.parquet

from chaffinch import _chaffinch
from chaffinch._chaffinch import Batch, __version__
from chaffinch._shipped import Shipped
from chaffinch._types import Error

_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".wet")
_COMPRESSED = (".gz", ".zst", ".bz2")


class Task(NamedTuple):
    """A row group to clean, and the file to write it to; or a file, and the directory to write it to."""

    source: str
    group: int | None
    target: str


def tasks(paths: Any, output: str) -> list[Task]:
    """The tasks for files and directories, in order. Removes output of row groups that no longer exist."""
    return list(_tasks(paths, output))


def _tasks(paths: Any, output: str) -> Iterator[Task]:
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
            yield Task(place, None, f"{output.rstrip('/')}/{name}")
            continue
        try:
            metadata = pyarrow.parquet.read_metadata(place, filesystem=filesystem)
        except pyarrow.ArrowInvalid as error:
            raise Error(f"{source} is no Parquet file: {error}") from error
        stem = name.removesuffix(".parquet")
        for group in range(metadata.num_row_groups):
            yield Task(source, group, _target(output, stem, group))
        _remove_rest(source, output, stem, metadata.num_row_groups)


def _target(output: str, stem: str, group: int) -> str:
    return f"{output.rstrip('/')}/{stem}-{group:05}.parquet"


def _remove_rest(source: str, output: str, stem: str, group: int) -> None:
    """Removes the output of row groups that an input had before it was replaced by one with fewer."""
    while True:
        filesystem, target = _filesystem(_target(output, stem, group))
        made_from = (_record(filesystem, target) or {}).get("made_from", {})
        if made_from.get("source") != source:
            return
        filesystem.delete_file(target)
        group += 1


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


SETTLED = 2_000_000_000
"""The age in nanoseconds from which a file's timestamps are reliable. File systems and object stores have a
resolution of up to two seconds, so a younger file may change again without a new timestamp."""


def _version(filesystem: pyarrow.fs.FileSystem, place: str) -> tuple[dict[str, Any], bool]:
    """The size and timestamps of an input file, and whether a file that differs differs in them too."""
    now = time.time_ns()
    if isinstance(filesystem, pyarrow.fs.LocalFileSystem):
        found = os.stat(place)
        # The time of the last change, because tools that copy files set that of the last modification.
        size, times = found.st_size, [found.st_mtime_ns, found.st_ctime_ns]
    else:
        info = filesystem.get_file_info(place)
        size, times = info.size, [] if info.mtime_ns is None else [info.mtime_ns]
    return {"bytes": size, "times": times}, bool(times) and now - max(times) >= SETTLED


def _known(record: dict[str, Any] | None, made_from: dict[str, Any]) -> dict[str, int] | None:
    """The counts of output that an earlier call wrote from the same input with the same pipeline."""
    if record is None or record.get("made_from") != made_from or not record.get("is_reliable"):
        return None
    counts: dict[str, int] = record["counts"]
    return counts


def run(
    task: Task, shipped: Shipped, text: str | None, columns: dict[str, Any]
) -> dict[str, int]:
    """Carries out a task and returns its counts."""
    if task.group is None:
        return _clean_file(task.source, task.target, shipped, text)
    filesystem, place = _filesystem(task.source)
    to_filesystem, target = _filesystem(task.target)
    # Before the file is read: if it changes meanwhile, it is cleaned again.
    version, is_reliable = _version(filesystem, place)
    made_from = {
        "chaffinch": __version__,
        "pipeline": shipped.digest,
        "source": task.source,
        "version": version,
        "group": task.group,
        "text": text,
        "columns": columns,
    }
    known = _known(_record(to_filesystem, target), made_from)
    if known is not None:
        return known
    cleaned: Any
    if _is_local(filesystem) and _is_local(to_filesystem) and hasattr(_chaffinch, "_clean_row_group"):
        cleaned = _chaffinch._clean_row_group(shipped.get(), place, task.group, text, **columns)
    else:
        with pyarrow.parquet.ParquetFile(place, filesystem=filesystem) as file:
            table = file.read_row_group(task.group)
        batch = shipped.get().clean_batch(table, text, threads=1, **columns)
        cleaned = _CleanedTable(batch, to_filesystem)
    counted: dict[str, int] = cleaned.counts
    record = {"made_from": made_from, "is_reliable": is_reliable, "counts": counted}
    # A task may run twice at the same time, if its node is thought to be lost.
    part = f"{target}.{uuid.uuid4().hex}.part"
    to_filesystem.create_dir(posixpath.dirname(target), recursive=True)
    cleaned.write(part, _RECORD, json.dumps(record, sort_keys=True))
    to_filesystem.move(part, target)
    return counted


def _is_local(filesystem: pyarrow.fs.FileSystem) -> bool:
    return isinstance(filesystem, pyarrow.fs.LocalFileSystem)


class _CleanedTable:
    """A cleaned row group that pyarrow writes, with the methods of those of the extension module."""

    def __init__(self, batch: Batch, filesystem: pyarrow.fs.FileSystem) -> None:
        self.filesystem, self.table = filesystem, pyarrow.table(batch)
        removed = pyarrow.compute.struct_field(self.table["chaffinch"], "removed_bytes")
        self.counts = {**batch.counts, "removed_bytes": pyarrow.compute.sum(removed).as_py() or 0}

    def write(self, path: str, key: str, value: str) -> None:
        metadata = {**(self.table.schema.metadata or {}), key: value}
        table = self.table.replace_schema_metadata(metadata)
        pyarrow.parquet.write_table(table, path, filesystem=self.filesystem, compression="zstd")


_RECORD = "chaffinch"


def _record(filesystem: pyarrow.fs.FileSystem, target: str) -> dict[str, Any] | None:
    """The record in a Parquet file that an earlier call wrote."""
    if filesystem.get_file_info(target).type != pyarrow.fs.FileType.File:
        return None
    metadata = pyarrow.parquet.read_schema(target, filesystem=filesystem).metadata or {}
    record: dict[str, Any] = json.loads(metadata.get(_RECORD.encode(), b"{}"))
    return record


def _clean_file(source: str, target: str, shipped: Shipped, text: str | None) -> dict[str, int]:
    """Cleans a file that is not Parquet, into a directory."""
    version, is_reliable = _version(pyarrow.fs.LocalFileSystem(), source)
    made_from = {
        "chaffinch": __version__,
        "pipeline": shipped.digest,
        "source": source,
        "version": version,
        "text": text,
    }
    path = os.path.join(".chaffinch", "ray.json")

    def record() -> dict[str, Any] | None:
        try:
            with open(os.path.join(target, path), encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return None
        return found

    before = record()
    known = _known(before, made_from)
    if known is not None:
        return known
    part = f"{target}.{uuid.uuid4().hex}.part"
    counts = shipped.get().clean_files([source], part, text=text, threads=1)
    made = {"made_from": made_from, "is_reliable": is_reliable, "counts": counts, "id": uuid.uuid4().hex}
    with open(os.path.join(part, path), "w", encoding="utf-8") as file:
        json.dump(made, file)
    try:
        if os.path.isdir(target) and record() == before:
            shutil.rmtree(target)
        os.rename(part, target)
    except OSError:
        # The same task ran elsewhere, because this node was thought to be lost.
        written = record()
        if written is None or written == before or written["made_from"] != made_from:
            raise
        shutil.rmtree(part)
    return counts
