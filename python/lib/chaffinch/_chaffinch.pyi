import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, final

from chaffinch._types import Input

__all__ = [
    "Batch",
    "CleanMany",
    "Cleaned",
    "Cut",
    "Document",
    "Hit",
    "Line",
    "Pipeline",
    "__version__",
    "_clean_row_group",
    "_unpickle",
    "check_stage",
    "main",
    "restore_batch",
    "restore_files",
]

__version__: str

_Path = str | os.PathLike[str]

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

_Stage = Callable[..., Iterable[tuple[Any, ...]] | None]

def restore_batch(data: _ArrowStream | _ArrowArray, text: str | None = None) -> Batch: ...
def restore_files(run: _Path, output: _Path) -> int: ...
def check_stage(stage: _Stage, *documents: str) -> None: ...
def _clean_row_group(
    pipeline: Pipeline,
    path: _Path,
    group: int,
    text: str | None = None,
    *,
    url: str | None = "url",
    date: str | None = "date",
    outlet: str | None = None,
) -> _CleanedRowGroup: ...
def _unpickle(
    settings: dict[str, Any], contents: list[tuple[_Path, bytes]], base: _Path
) -> Pipeline: ...
def main(args: Sequence[str], /) -> int: ...

@final
class Pipeline:
    def __new__(
        cls,
        pipeline: _Path | None = None,
        *,
        rules: Sequence[_Path] = ...,
        rule_files: Sequence[_Path] = ...,
        level: Literal["off", "careful", "balanced", "full"] | None = None,
        outlet: str | None = None,
        encoding: str | None = None,
        cache: _Path | None = None,
        stages: Sequence[_Stage] = ...,
    ) -> Pipeline: ...
    @classmethod
    def from_yaml(cls, source: _Path, **options: Any) -> Pipeline: ...
    def clean(
        self,
        document: str | bytes | bytearray,
        *,
        url: str | None = None,
        id: str | None = None,
        path: str | None = None,
        date: str | None = None,
        outlet: str | None = None,
    ) -> Cleaned: ...
    def clean_many(
        self,
        documents: Iterable[str | bytes | bytearray | Input],
        threads: int | None = None,
    ) -> CleanMany: ...
    def clean_batch(
        self,
        data: _ArrowStream | _ArrowArray,
        text: str | None = None,
        *,
        url: str | None = "url",
        date: str | None = "date",
        outlet: str | None = None,
        threads: int | None = None,
    ) -> Batch: ...
    def clean_files(
        self,
        inputs: _Path | Iterable[_Path],
        output: _Path,
        *,
        text: str | None = None,
        threads: int | None = None,
        fresh: bool = False,
    ) -> dict[str, int]: ...
    @property
    def stages(self) -> list[str]: ...
    @property
    def stage_failures(self) -> dict[str, int]: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Batch:
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def counts(self) -> dict[str, int]: ...

@final
class _CleanedRowGroup:
    @property
    def counts(self) -> dict[str, int]: ...
    def write(self, path: _Path, key: str, value: str) -> None: ...

@final
class CleanMany:
    def __iter__(self) -> CleanMany: ...
    def __next__(self) -> Cleaned: ...

@final
class Cleaned:
    @property
    def text(self) -> str: ...
    @property
    def output(self) -> bytes: ...
    @property
    def source(self) -> str: ...
    @property
    def cuts(self) -> list[Cut]: ...
    @property
    def fields(self) -> dict[str, list[str]]: ...
    @property
    def verdict(self) -> Literal["cleaned", "unchanged", "suspect", "failed"]: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def outlet(self) -> str | None: ...
    @property
    def encoding(self) -> str: ...
    @property
    def id(self) -> str | None: ...
    def restore(self) -> bytes: ...
    def _repr_html_(self) -> str: ...

@final
class Cut:
    @property
    def rule(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def replacement(self) -> str: ...
    @property
    def span(self) -> tuple[int, int]: ...
    @property
    def byte_span(self) -> tuple[int, int]: ...
    @property
    def confidence(self) -> int | None: ...

@final
class Document:
    @property
    def text(self) -> str: ...
    @property
    def outlet(self) -> str | None: ...
    @property
    def has_body(self) -> bool: ...
    @property
    def lines(self) -> list[Line]: ...

@final
class Line:
    @property
    def text(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def span(self) -> tuple[int, int]: ...
    @property
    def is_blank(self) -> bool: ...
    @property
    def is_body(self) -> bool: ...
    @property
    def in_head(self) -> bool: ...
    @property
    def in_tail(self) -> bool: ...
    @property
    def hits(self) -> list[Hit]: ...
    def place(self, start: int, end: int) -> tuple[int, int]: ...

@final
class Hit:
    @property
    def rule(self) -> str: ...
    @property
    def span(self) -> tuple[int, int]: ...
    @property
    def fields(self) -> dict[str, str]: ...
