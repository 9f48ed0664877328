"""Removes boilerplate from scraped news text and loses nothing.

>>> import chaffinch
>>> pipeline = chaffinch.Pipeline()
>>> page = "Talks resume\\n\\nThe minister said that the talks would go on.\\n\\nSHARE THIS ARTICLE\\n"
>>> cleaned = pipeline.clean(page)
>>> cleaned.text
'Talks resume\\n\\nThe minister said that the talks would go on.\\n'
>>> cleaned.fields
{'title': ['Talks resume']}
>>> [cut.text for cut in cleaned.cuts]
['\\nSHARE THIS ARTICLE\\n']
>>> cleaned.restore() == page.encode()
True
"""

from __future__ import annotations

from chaffinch._chaffinch import (
    Batch,
    Cleaned,
    CleanMany,
    Cut,
    Document,
    Hit,
    Line,
    Pipeline,
    __version__,
    check_stage,
    restore_batch,
    restore_files,
)
from chaffinch._commands import Finding, check, diff, learn
from chaffinch._types import Error, Input, Mark, Problem, stage

__all__ = [
    "Batch",
    "CleanMany",
    "Cleaned",
    "Cut",
    "Document",
    "Error",
    "Finding",
    "Hit",
    "Input",
    "Line",
    "Mark",
    "Pipeline",
    "Problem",
    "__version__",
    "check",
    "check_stage",
    "diff",
    "learn",
    "restore_batch",
    "restore_files",
    "stage",
]
