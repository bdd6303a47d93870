"""What hypothesis draws: spaces and corpora of any sound shape."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import semspace as ss

# Away from the edges of float32, so that squares neither vanish nor overflow.
values = st.floats(-1e3, 1e3, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def spaces(draw, min_size=2, max_size=20):
    n = draw(st.integers(min_size, max_size))
    dim = draw(st.integers(1, 6))
    vectors = draw(hnp.arrays(np.float32, (n, dim), elements=values).filter(lambda m: (m != 0).any(axis=1).all()))
    return ss.Space.from_vectors(draw(st.lists(names, min_size=n, max_size=n, unique=True)), vectors)


@st.composite
def corpora(draw, max_size=8):
    texts = draw(st.lists(names.filter(str.strip), min_size=1, max_size=max_size))
    ids = draw(st.lists(names, min_size=len(texts), max_size=len(texts), unique=True))
    return ss.Corpus.from_texts(texts, ids=ids)
