"""Pipelines that travel to the workers of an engine, which make each of them once."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable

from chaffinch._chaffinch import Pipeline

_made: dict[str, Pipeline] = {}
_lock = threading.Lock()


class Shipped:
    """A pickled pipeline. Every process that unpickles it makes the pipeline once, on first use.

    ``dumps`` is the pickler of the engine, which also takes stages defined in the main program.
    """

    def __init__(self, pipeline: Pipeline, dumps: Callable[[Pipeline], bytes]) -> None:
        self.data = dumps(pipeline)
        self.digest = hashlib.sha256(self.data).hexdigest()

    def get(self) -> Pipeline:
        """The pipeline, made by this process."""
        with _lock:
            pipeline = _made.get(self.digest)
            if pipeline is None:
                pipeline = _made[self.digest] = pickle.loads(self.data)
            return pipeline
