"""The programs in docs/python.md run."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import BODY, ROOT, RULES

DOCS = ROOT / "docs" / "python.md"
PAGE = f"Talks to go on\n\n{BODY * 12}\nSHARE THIS ARTICLE\n\ndesk: lh/rb\n"


def programs() -> Iterator[tuple[str, str]]:
    """Each block of Python, under its heading."""
    heading = ""
    for part in re.split(r"^(#+ [^\n]*\n|```python\n.*?^```\n)", DOCS.read_text(), flags=re.M | re.S):
        if part.startswith("#"):
            heading = part.strip("# \n")
        elif part.startswith("```python\n"):
            yield heading, part.removeprefix("```python\n").removesuffix("```\n")


def test_the_programs_of_the_manual_run(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    import subprocess

    pyarrow = pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    pathlib.Path("page.txt").write_text(PAGE)
    pathlib.Path("presstv.yaml").write_text(RULES.replace("paper", "presstv"))
    pathlib.Path("chaffinch.yaml").write_text("stages: [share-buttons]\n")
    for folder in ["my-rules", "rules"]:
        pathlib.Path(folder).mkdir()
        (pathlib.Path(folder) / "paper.yaml").write_text(RULES)
    pathlib.Path("pages").symlink_to(ROOT / "docs" / "valley-post" / "pages")
    for run in ["cleaned-before", "cleaned"]:
        command = [program, "clean", "page.txt", "-o", run, "--quiet"]
        subprocess.run(command, check=True)
    names: dict[str, Any] = {"pages": [PAGE], "table": pyarrow.table({"text": [PAGE]}), "pyarrow": pyarrow}
    seen = []
    for heading, text in programs():
        exec(compile(text, f"{DOCS}: {heading}", "exec"), names)
        seen.append(heading)
    assert {"One document", "Settings", "Many documents", "Tables", "Stages", "Rule files and runs"} <= set(seen)
    assert names["original"].column("text").to_pylist() == [PAGE]
    assert names["pipeline"].clean(PAGE).text == PAGE.split("\nSHARE")[0]
    assert names["yaml"] and names["changes"] is not None
    assert names["count"] == sum(n for key, n in names["totals"].items() if key != "removed_bytes") > 0


def test_the_query_of_the_manual_runs() -> None:
    duckdb = pytest.importorskip("duckdb")
    pyarrow = pytest.importorskip("pyarrow")
    import chaffinch

    [query] = re.findall(r"^```sql\n(.*?)^```", DOCS.read_text(), flags=re.M | re.S)
    cleaned = pyarrow.table(chaffinch.Pipeline().clean_batch(pyarrow.table({"text": [PAGE] * 3})))
    assert cleaned.num_rows == 3
    rows = duckdb.sql(query).fetchall()
    assert any(count == 3 and "share-buttons" in rule for rule, count, _ in rows)
