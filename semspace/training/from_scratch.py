"""`SmallTransformer`: a new transformer from nothing: its tokenizer from the texts, its token table from words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.errors import InputError
from semspace.sentences.model_config import Layout
from semspace.space import Space
from semspace.training import wordpiece
from semspace.training.export import write_model
from semspace.training.init_from_words import BALLAST, put_words

_DROPOUT = 0.1  # of weights drawn at random; what starts from words would only be blurred by it


@dataclass(frozen=True, kw_only=True)
class SmallTransformer:
    """Sizes of a new transformer (a BERT; Devlin et al. 2019, arXiv 1810.04805), with mean pooling.

    Parameters
    ----------
    layers : int
    dim : int
        Of its vectors; a multiple of `heads`.
    heads : int
    intermediate : int, optional
        Width of its feed-forward layers; `dim` by default.
    vocabulary : int
        Most tokens of its WordPiece tokenizer, which is trained on the texts; at least 100.
    max_tokens : int
        Longest text in tokens, the marks at its ends included; at least 8.

    Notes
    -----
    Started from words (``train(..., init=words)``), it is at first their weighted average (Arora et al. 2017, "A
    simple but tough-to-beat baseline for sentence embeddings"), exactly: at least 16 dimensions bring the tokens' rows
    to one length, so that LayerNorm keeps them as they are, and one more their mean to 0. Word vectors of up to
    ``dim - 17`` dimensions fit; of longer ones the principal components are taken.

    It has dropout of 0.1, and none if it starts from words.

    semspace's own kernels run it where ``dim / heads`` is 32 or 64 and `intermediate` a multiple of 64.

    Raises
    ------
    InputError
        If a size is out of its range, or `dim` isn't a multiple of `heads`.

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
            near = self.dim // self.heads * self.heads
            these = f"{near} or {near + self.heads}" if near else f"{self.heads}"
            raise InputError(f"dim must be a multiple of heads; got {self.dim} and {self.heads}: take {these}")

    @property
    def width(self) -> int:
        """Width of the feed-forward layers."""
        return self.dim if self.intermediate is None else self.intermediate


def grow(sizes: SmallTransformer, texts: list[str], init: Space | None, seed: int, scratch: Path) -> tuple[Layout, Any]:
    """Make a new transformer for some texts: a tokenizer of their words, and weights drawn by `seed`.

    Parameters
    ----------
    sizes : SmallTransformer
    texts : list of str
    init : Space, optional
        Of words, whose average the transformer is at first.
    seed : int
        Of torch's random numbers, which the caller keeps.
    scratch : Path
        An empty folder, which becomes the model's.

    Returns
    -------
    Layout, torch module

    Raises
    ------
    InputError
        If the texts have no characters, or none of the words, or the sizes leave no room for words.
    """
    torch = checks.need("torch", "transformers")
    if init is not None:
        _check_start(init, sizes)
    tokenizer = wordpiece.learn(texts, sizes.vocabulary)
    wordpiece.write(tokenizer, scratch, sizes.max_tokens)
    torch.manual_seed(seed)
    model = _drawn(sizes, int(tokenizer.get_vocab_size()), _DROPOUT if init is None else 0.0)
    if init is not None:
        put_words(model, init, tokenizer, texts)
    layout = Layout(scratch, "mean", normalize=True, max_tokens=sizes.max_tokens, lowercase=False)
    write_model(model, layout, scratch)
    return layout, model


def _check_start(init: Space, sizes: SmallTransformer) -> None:
    if not isinstance(init, Space):
        raise InputError(f"init must be a Space of words, such as Word2Vec trains; got {type(init).__name__}")
    if sizes.dim < 2 * BALLAST:
        raise InputError(f"a transformer that starts from words needs a dim of {2 * BALLAST} or more; got {sizes.dim}")


def _drawn(sizes: SmallTransformer, tokens: int, dropout: float) -> Any:
    """Make a BERT with random weights, of standard deviation 0.02 as usual."""
    transformers = checks.need("transformers", "transformers")
    config = transformers.BertConfig(
        vocab_size=tokens,
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
