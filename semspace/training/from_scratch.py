"""`SmallTransformer`: a new transformer with a tokenizer trained on the texts, perhaps initialised from words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.errors import InputError
from semspace.sentences.model_config import ModelConfig
from semspace.space import Space
from semspace.training.export import write_model
from semspace.training.init_from_words import MIN_BALLAST_DIMS, initialize
from semspace.training.wordpiece import save_tokenizer, train_tokenizer

_DROPOUT = 0.1  # probability, with random initial weights; it would only blur weights made from word vectors


@dataclass(frozen=True, kw_only=True)
class SmallTransformer:
    """Sizes of a new transformer (a BERT; Devlin et al. 2019, arXiv 1810.04805), with mean pooling.

    Parameters
    ----------
    layers : int
    dim : int
        Length of its vectors; a multiple of `heads`.
    heads : int
    intermediate : int, optional
        Width of the feed-forward layers; `dim` by default.
    vocabulary : int
        Maximum size of its WordPiece vocabulary, which is trained on the texts; at least 100.
    max_tokens : int
        Length of the longest text, in tokens with the special ones at both ends; at least 8.

    Notes
    -----
    Initialised from word vectors (``train(..., init=words)``), it computes exactly their weighted average before any
    training (Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings"): at least 16 dimensions
    bring all rows of the token embeddings to the same length, and one more brings their mean to 0, so that LayerNorm
    doesn't change them. Word vectors of up to ``dim - 17`` dimensions fit; longer ones are reduced to their principal
    components.

    Its dropout is 0.1, or 0 if it is initialised from word vectors.

    semspace's own kernels can run it if ``dim / heads`` is 32 or 64 and `intermediate` a multiple of 64.

    Raises
    ------
    InputError
        If a size is out of range, or `dim` isn't a multiple of `heads`.

    Examples
    --------
    >>> import semspace as ss
    >>> sizes = ss.training.SmallTransformer(layers=2, dim=128, heads=4)
    >>> sizes.width
    128
    """

    layers: int = 1
    dim: int = 256
    heads: int = 4
    intermediate: int | None = None
    vocabulary: int = 24_000
    max_tokens: int = 128

    def __post_init__(self) -> None:
        for name in ("layers", "dim", "heads"):
            checks.whole(name, getattr(self, name))
        checks.whole("vocabulary", self.vocabulary, low=100)
        checks.whole("max_tokens", self.max_tokens, low=8)
        if self.intermediate is not None:
            checks.whole("intermediate", self.intermediate)
        if self.dim % self.heads:
            below = self.dim // self.heads * self.heads
            nearest = f"{below} or {below + self.heads}" if below else f"{self.heads}"
            raise InputError(
                f"dim must be a multiple of heads; got dim={self.dim} and heads={self.heads}: choose dim={nearest}"
            )

    @property
    def width(self) -> int:
        """Width of the feed-forward layers."""
        return self.dim if self.intermediate is None else self.intermediate


def create_transformer(
    sizes: SmallTransformer, texts: list[str], init: Space | None, seed: int, folder: Path
) -> tuple[ModelConfig, Any]:
    """Create a transformer for some texts: a tokenizer trained on them, and weights that are random or from words.

    Parameters
    ----------
    sizes : SmallTransformer
    texts : list of str
    init : Space, optional
        Word vectors, whose weighted average the transformer computes before any training.
    seed : int
        Sets torch's global generator; the caller restores its state.
    folder : Path
        Empty; the model is written there.

    Returns
    -------
    ModelConfig, torch module

    Raises
    ------
    InputError
        If the texts have no characters, or none of the words, or `dim` is too small for word vectors.
    """
    torch = checks.need("torch", "transformers")
    if init is not None:
        _check_init(init, sizes)
    tokenizer = train_tokenizer(texts, sizes.vocabulary)
    save_tokenizer(tokenizer, folder, sizes.max_tokens)
    torch.manual_seed(seed)
    model = _random_bert(sizes, int(tokenizer.get_vocab_size()), _DROPOUT if init is None else 0.0)
    if init is not None:
        initialize(model, init, tokenizer, texts)
    layout = ModelConfig(folder, "mean", normalize=True, max_tokens=sizes.max_tokens, lowercase=False)
    write_model(model, layout, folder)
    return layout, model


def _check_init(init: Space, sizes: SmallTransformer) -> None:
    if not isinstance(init, Space):
        raise InputError(f"init must be a Space of words, such as Word2Vec trains; got {type(init).__name__}")
    min_dim = 2 * MIN_BALLAST_DIMS
    if sizes.dim < min_dim:
        raise InputError(f"dim must be {min_dim} or more with init=, for a transformer from words; got {sizes.dim}")


def _random_bert(sizes: SmallTransformer, vocabulary_size: int, dropout: float) -> Any:
    """Return a BERT with random weights, of standard deviation 0.02 as usual."""
    transformers = checks.need("transformers", "transformers")
    config = transformers.BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=sizes.dim,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.width,
        max_position_embeddings=sizes.max_tokens,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=0,
        architectures=["BertModel"],
    )
    return transformers.BertModel(config).eval()
