"""A corpus for tests of engines: the pages of the repository, again and again, and what the command
line makes of them."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pyarrow
import pyarrow.parquet

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = pyarrow.schema({"id": pyarrow.string(), "url": pyarrow.string(), "text": pyarrow.string()})

Cleaned = dict[str, tuple[str, list[dict[str, Any]]]]
"""For each document its cleaned text and its edits."""


def pages() -> list[str]:
    """Seeds, marked cases and invented pages, without the marks."""
    texts = []
    for path in sorted((ROOT / "corpus").glob("*/*")):
        text = path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".case":
            text = "".join(line[1:] for line in text.splitlines(keepends=True))
        if path.suffix == ".case" or path.parent.name == "seeds":
            texts.append(text)
    return texts


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Documents, no two of which are equal."""
    texts = pages()
    for number in range(count):
        text = f"Page {number}\n\n{texts[number % len(texts)]}"
        url = f"https://www.presstv.ir/Detail/{number}" if number % 5 == 0 else None
        yield {"id": str(number), "url": url, "text": text}


def write(folder: pathlib.Path, count: int, files: int, group: int) -> None:
    """Writes a corpus as Parquet files with row groups of so many rows, and as ``rows.jsonl``."""
    folder.mkdir()
    table = pyarrow.Table.from_pylist(list(rows(count)), SCHEMA)
    (folder / "parquet").mkdir()
    share = -(-count // files)
    for number in range(files):
        part = table.slice(number * share, share)
        pyarrow.parquet.write_table(
            part, folder / "parquet" / f"part-{number}.parquet", row_group_size=group
        )
    with open(folder / "rows.jsonl", "w", encoding="utf-8") as file:
        for row in rows(count):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def by_command_line(program: str, folder: pathlib.Path) -> Cleaned:
    """Cleans ``rows.jsonl`` with the command line."""
    command = [program, "clean", "rows.jsonl", "-o", "cleaned", "--quiet"]
    subprocess.run(command, cwd=folder, check=True)
    texts, cleaned = {}, {}
    with open(folder / "cleaned" / "rows.jsonl", encoding="utf-8") as file:
        for row in map(json.loads, file):
            texts[row["id"]] = row["text"]
    for part in sorted((folder / "cleaned" / ".chaffinch" / "ledger").iterdir()):
        rules: list[str] = []
        for record in map(json.loads, frames(part)):
            if "rules" in record:
                rules = [rule for rule, _ in record["rules"]]
            else:
                cleaned[record["id"]] = (texts[record["id"]], edits(record["undo"], rules))
    return cleaned


def frames(part: pathlib.Path) -> Iterator[str]:
    """The lines of a file of zstd frames."""
    done = subprocess.run(["zstd", "-dc", str(part)], check=True, capture_output=True)
    return iter(done.stdout.decode().splitlines())


def edits(undo: dict[str, Any], rules: list[str]) -> list[dict[str, Any]]:
    """The edits of a record of the ledger as ``clean_batch`` has them."""
    found, end = [], 0
    for gap, rule, text, *rest in undo.get("edits", []):
        at = end + gap
        end = at + len(text.encode())
        replacement, confidence = [*rest, "", None][:2] if not rest else [*rest, None][:2]
        found.append(
            {
                "at": at,
                "rule": rules[rule],
                "text": text,
                "replacement": replacement,
                "confidence": confidence,
            }
        )
    return found


def of_rows(table: Any) -> Cleaned:
    """The same of a cleaned table, or of the rows of one."""
    cleaned: Cleaned = {}
    for row in table if isinstance(table, list) else table.to_pylist():
        assert row["id"] not in cleaned, "a document is there twice"
        cleaned[row["id"]] = (row["text"], row["chaffinch_ledger"]["edits"])
    return cleaned
