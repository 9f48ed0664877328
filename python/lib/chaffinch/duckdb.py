"""Cleaning with DuckDB. Needs pyarrow.

>>> import duckdb
>>> import chaffinch.duckdb
>>> connection = duckdb.connect()
>>> chaffinch.duckdb.register(connection)
>>> page = "The talks would go on for two days, the minister said.\\n\\nSHARE THIS ARTICLE\\n"
>>> connection.execute("SELECT chaffinch(?).text", [page]).fetchone()
('The talks would go on for two days, the minister said.\\n',)
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow

from chaffinch._chaffinch import Pipeline

_EDIT = duckdb.struct_type(
    {
        "at": "BIGINT",
        "rule": "VARCHAR",
        "text": "VARCHAR",
        "replacement": "VARCHAR",
        "confidence": "TINYINT",
    }
)
_RESULT = duckdb.struct_type(
    {
        "text": "VARCHAR",
        "outlet": "VARCHAR",
        "verdict": "VARCHAR",
        "reason": "VARCHAR",
        "fields": "VARCHAR",
        "removed_bytes": "BIGINT",
        "ledger": duckdb.struct_type({"digest": "VARCHAR", "edits": duckdb.list_type(_EDIT)}),
    }
)


def register(
    connection: duckdb.DuckDBPyConnection,
    *,
    pipeline: Pipeline | None = None,
    name: str = "chaffinch",
) -> None:
    """Adds the SQL functions ``chaffinch(text)`` and ``chaffinch_url(text, url)``.

    They return a struct with ``text``, ``outlet``, ``verdict``, ``reason``, ``fields`` (JSON),
    ``removed_bytes`` and ``ledger``. A null text gives the text null.
    """
    pipeline = pipeline or Pipeline()

    def cleaned(table: pyarrow.Table) -> Any:
        table = pyarrow.table(pipeline.clean_batch(table, "text")).combine_chunks()
        result = table["chaffinch"].combine_chunks()
        parts = {"text": table["text"].combine_chunks()}
        parts.update({field.name: result.field(field.name) for field in result.type})
        parts["ledger"] = table["chaffinch_ledger"].combine_chunks()
        return pyarrow.StructArray.from_arrays(list(parts.values()), list(parts))

    def of_text(text: Any) -> Any:
        return cleaned(pyarrow.table({"text": text}))

    def of_text_and_url(text: Any, url: Any) -> Any:
        return cleaned(pyarrow.table({"text": text, "url": url}))

    # The types that DuckDB declares for these functions differ between its versions.
    create: Any = connection.create_function
    create(name, of_text, ["VARCHAR"], _RESULT, type="arrow", null_handling="special")
    both = ["VARCHAR", "VARCHAR"]
    create(f"{name}_url", of_text_and_url, both, _RESULT, type="arrow", null_handling="special")


def clean(
    relation: duckdb.DuckDBPyRelation,
    text: str = "text",
    *,
    pipeline: Pipeline | None = None,
    **columns: Any,
) -> pyarrow.Table:
    """Cleans the column ``text`` of a relation; see :meth:`chaffinch.Pipeline.clean_batch`.

    The result is a table of Arrow, which SQL can name as a variable.
    """
    return pyarrow.table((pipeline or Pipeline()).clean_batch(relation, text, **columns))
