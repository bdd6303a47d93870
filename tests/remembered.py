"""Vectors of transformers that are computed once in a process, for tests of what is done with them.

Notebooks, pages and the demo encode the same articles again and again. The kernels give a text the same vector in
whatever company it is (`test_inference.py` tests that by the bit), so that remembering it changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from semspace.sentences.kernel_runtime import KernelRuntime
from semspace.sentences.runtime import TokenBatch

_VECTORS: dict[tuple[str, str, int, bytes], np.ndarray] = {}  # of all models whose vectors were asked for


@contextmanager
def remembered_vectors() -> Iterator[None]:
    """Within this block, transformers compute no vector of a text that they have computed within such a block."""
    create, pooled = KernelRuntime.__init__, KernelRuntime.pooled

    def created(self, config, backend, precision):
        create(self, config, backend, precision)
        self.fingerprint = config.fingerprint

    def looked_up(self, texts, on_done):
        if not hasattr(self, "fingerprint"):  # created elsewhere
            return pooled(self, texts, on_done)
        parts = [texts.tokens[a:b] for a, b in zip(texts.starts[:-1], texts.starts[1:], strict=True)]
        model = (self.fingerprint, self.implementation, texts.n_unpooled)
        keys = [(*model, part.tobytes()) for part in parts]
        new = dict(zip(keys, zip(parts, texts.truncated, strict=True), strict=True))
        new = {key: value for key, value in new.items() if key not in _VECTORS}
        if new:
            tokens, truncated = zip(*new.values(), strict=True)
            starts = np.cumsum([0, *map(len, tokens)], dtype=texts.starts.dtype)
            batch = TokenBatch(np.concatenate(tokens), starts, np.array(truncated), texts.n_unpooled)
            _VECTORS.update(zip(new, pooled(self, batch, lambda _: None), strict=True))
        on_done(len(keys))
        return np.array([_VECTORS[key] for key in keys], np.float32).reshape(-1, self.dim)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KernelRuntime, "__init__", created)
        patch.setattr(KernelRuntime, "pooled", looked_up)
        yield
