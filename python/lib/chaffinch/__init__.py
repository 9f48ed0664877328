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

from chaffinch._chaffinch import Cleaned, CleanMany, Cut, Pipeline, __version__
from chaffinch._types import Error, Input, Problem

__all__ = [
    "CleanMany",
    "Cleaned",
    "Cut",
    "Error",
    "Input",
    "Pipeline",
    "Problem",
    "__version__",
]
