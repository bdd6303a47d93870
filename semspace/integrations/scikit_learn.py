"""`SentenceVectorizer`: an encoder as a step of a scikit-learn pipeline."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from semspace import checks
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.sentences.encoder import Encoder
from semspace.sentences.load import load_encoder
from semspace.types import Floats2d


class SentenceVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts → vectors, as a scikit-learn transformer.

    Parameters
    ----------
    encoder : str, path or Encoder
        An encoder, or the name or folder of one; `fit` loads it.
    progress : bool
        Show a bar if encoding takes more than two seconds.

    Attributes
    ----------
    encoder_ : Encoder
        The loaded encoder.
    n_features_out_ : int
        Number of dimensions of its vectors.

    Notes
    -----
    Nothing is learnt from the texts, so a text gets the same vector in every fold. Every `fit` loads an encoder that
    is texts by name; in a grid search, give a loaded encoder. Clones share the encoder.

    Examples
    --------
    >>> import semspace as ss
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> words = ss.Space.from_vectors(["good", "fine", "bad", "poor"], [[2, 0], [2, 1], [-2, 0], [-2, 1]])
    >>> encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
    >>> model = make_pipeline(ss.SentenceVectorizer(encoder), LogisticRegression())
    >>> model.fit(["a good day", "a bad day"], ["up", "down"]).predict(["so fine", "poor me"]).tolist()
    ['up', 'down']
    """

    def __init__(self, encoder: PathLike | Encoder = "all-MiniLM-L6-v2", *, progress: bool = True) -> None:
        self.encoder = encoder
        self.progress = progress

    def fit(self, X: Any, y: Any = None) -> SentenceVectorizer:  # noqa: ARG002
        """Load the encoder, and check that the texts are texts.

        Parameters
        ----------
        X : list, Series or array of n strings
        y : ignored

        Raises
        ------
        InputError
            If `X` isn't a sequence of strings, or the encoder can't be found.
        """
        checks.flag("progress", self.progress)
        _texts(X)
        self.encoder_ = _loaded(self.encoder)
        self.n_features_out_ = self.encoder_.dim
        return self

    def transform(self, X: Any) -> Floats2d:
        """Encode texts, float32 of shape (n, dim).

        Parameters
        ----------
        X : list, Series or array of n strings

        Raises
        ------
        InputError
            If `X` isn't a sequence of strings.
        NotFittedError
            If `fit` wasn't called.
        """
        check_is_fitted(self, "encoder_")
        vectors: Floats2d = self.encoder_.encode(_texts(X), progress=self.progress)
        return vectors

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the dimensions: sentencevectorizer0, sentencevectorizer1, and so on."""
        check_is_fitted(self, "encoder_")
        return np.array([f"sentencevectorizer{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.transformer_tags.preserves_dtype = []  # always float32
        tags.requires_fit = True
        tags.target_tags.required = False
        return tags


def _loaded(encoder: Any) -> Encoder:
    if isinstance(encoder, (str, os.PathLike)):
        return load_encoder(encoder)
    if not callable(getattr(encoder, "encode", None)) or not hasattr(encoder, "dim"):
        raise InputError(f"encoder must be an Encoder, or the name or folder of one; got {type(encoder).__name__}")
    loaded: Encoder = encoder
    return loaded


def _texts(x: Any) -> list[str]:
    """Return the texts of a sequence, or of a table with one column, which is what ColumnTransformer passes."""
    shape: tuple[int, ...] = getattr(x, "shape", (0,))
    if len(shape) == 2 and shape[1] == 1:
        x = np.asarray(x)[:, 0]
    elif len(shape) != 1:
        raise InputError(f"X must be a sequence of texts, or one column of them; got shape {tuple(shape)}")
    texts = checks.strings("X", x)
    if not texts:
        raise InputError("X must hold at least one text; got none")
    return texts
