import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal, final

from chaffinch._types import Input

__all__ = ["CleanMany", "Cleaned", "Cut", "Pipeline", "__version__", "main"]

__version__: str

_Path = str | os.PathLike[str]

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
    @property
    def stages(self) -> list[str]: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

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
