"""Ranking again: a cross-encoder as sentence-transformers has it, tokens by a slow maximum, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.cli import main
from semspace.errors import DamagedError, InputError, MissingFileError
from semspace.sentences.lazy_encoder import EncoderReference
from semspace.sentences.max_sim import max_sim

TEXTS = ["a red cat", "the dog barks at the moon", "part AX-7 of a pump", "wine and old ale", "x"]


@pytest.fixture(scope="module")
def cross_folder(tmp_path_factory, tiny_folder):
    """A cross-encoder of one small layer with random weights."""
    import torch
    import transformers

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("cross") / "model"
    config = transformers.AutoConfig.from_pretrained(str(tiny_folder), num_labels=1)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    for weights in model.parameters():
        torch.nn.init.normal_(weights, 0.0, 0.5)
    model.save_pretrained(folder)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tiny_folder / "tokenizer.json"), pad_token="[PAD]", model_max_length=16
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def index(small):
    return ss.Index.build(small.embed(ss.Corpus.from_texts(TEXTS), progress=False))


def test_a_cross_encoder_scores_as_sentence_transformers(cross_folder):
    from sentence_transformers import CrossEncoder

    theirs = CrossEncoder(str(cross_folder), device="cpu", max_length=16)
    query, texts = "which cat is red?", [*TEXTS, "long words " * 30]
    expected = theirs.predict([(query, text) for text in texts], show_progress_bar=False)
    found = ss.CrossEncoder.load(cross_folder).score(query, texts)
    assert found.dtype == np.float32
    assert found.std() > 0.005
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_cross_encoder_reranks_a_search(index, cross_folder):
    model = ss.CrossEncoder.load(cross_folder)
    found = index.search("a red pump", 3, rerank=cross_folder, candidates=5)
    scores = model.score("a red pump", TEXTS)
    assert found.metric == "cross-encoder"
    assert found.ids == tuple(str(i) for i in np.argsort(-scores)[:3])
    np.testing.assert_allclose(found.scores, np.sort(scores)[::-1][:3], atol=1e-6)
    assert found.metadata["text"].to_list() == [TEXTS[int(id)] for id in found.ids]
    assert index.search_batch(["a red pump"], 3, rerank=model)[0].ids == found.ids


def test_max_sim_by_hand():
    query = np.float32([[1, 0], [0, 1]])
    assert max_sim(query, np.float32([[0.6, 0.8], [1, 0]])) == pytest.approx((1 + 0.8) / 2)


def test_max_sim_is_the_mean_of_the_best_tokens(small):
    query, text = "a red cat", "the cat was red"
    asked, found = (next(iter(small.token_states([one]))) for one in (query, text))
    best = [max(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in found) for a in asked]
    assert ss.MaxSim(small).score(query, [text])[0] == pytest.approx(np.mean(best), abs=1e-5)
    assert ss.MaxSim(small).score(text, [text])[0] == pytest.approx(1, abs=1e-5)


def test_max_sim_has_a_share_of_the_score(index, small):
    first = dict(index.search("a red pump", 5))
    tokens = ss.MaxSim(small).score("a red pump", TEXTS)
    found = index.search("a red pump", 5, rerank="maxsim")
    assert found.metric == "hybrid + maxsim"
    for id, score in found:
        assert score == pytest.approx((first[id] + tokens[int(id)]) / 2, abs=1e-5)
    alone = index.search("a red pump", 5, rerank=ss.MaxSim(small, share=1))
    assert alone.metric == "maxsim"
    np.testing.assert_allclose(alone.scores, np.sort(tokens)[::-1], atol=1e-6)
    assert index.search("a red pump", 5, rerank="maxsim", hybrid=False).metric == "cosine + maxsim"


def test_an_opened_index_reranks_with_its_encoder(tmp_path, index):
    index.save(tmp_path / "i")
    opened = ss.Index.open(tmp_path / "i")
    assert isinstance(opened.encoder, EncoderReference)
    assert opened.search("a red pump", 3, rerank="maxsim").ids == index.search("a red pump", 3, rerank="maxsim").ids
    assert opened.search("a red pump", 3, rerank="maxsim", where="id = 'none'").ids == ()


def test_only_the_candidates_are_read(index):
    class Counting:
        metric, share = "count", 1.0

        def score(self, query, texts):
            self.texts = texts
            return np.arange(len(texts))

    counting = Counting()
    assert len(index.search("a red pump", 2, rerank=counting, candidates=3)) == 2
    assert len(counting.texts) == 3
    assert index.search("a red pump", 1, rerank=counting).scores.tolist() == [len(TEXTS) - 1]


def test_what_is_refused(tmp_path, index, small, cross_folder):
    class Wrong:
        metric, share = "wrong", 1.0

        def score(self, query, texts):
            return np.full(len(texts), np.nan)

    with pytest.raises(InputError, match="must return a finite number for each of the 5 texts"):
        index.search("a cat", rerank=Wrong())
    with pytest.raises(InputError, match="each query must be a text; got the id '0'"):
        index.search("0", rerank="maxsim")
    with pytest.raises(InputError, match="candidates must"):
        index.search("a cat", 10, rerank="maxsim", candidates=5)
    with pytest.raises(InputError, match="share must"):
        ss.MaxSim(small, share=0)
    with pytest.raises(InputError, match="states of tokens"):
        ss.MaxSim(ss.Space.from_vectors(["a"], [[1.0]]))
    with pytest.raises(MissingFileError, match="there is no cross-encoder in"):
        ss.CrossEncoder.load(tmp_path)
    (tmp_path / "file").write_text("x")
    for path, message in (("none", "isn't there; give the folder"), ("file", "is a file; give the folder")):
        with pytest.raises(MissingFileError, match=message):
            ss.CrossEncoder.load(tmp_path / path)
    with pytest.raises(InputError, match="a path must be a string or a Path"):
        ss.CrossEncoder.load(None)
    config = json.loads((cross_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": {"0": "a", "1": "b"}}))
    with pytest.raises(InputError, match=r"has one output, and the model in .* has 2"):
        ss.CrossEncoder.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="safetensors"):
        ss.CrossEncoder.load(tmp_path)
    deep = Path(shutil.copytree(cross_folder, tmp_path / "deep"))
    (deep / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 200}))
    with pytest.raises(DamagedError, match=r"has 200 layers, and \d+ weights; download the model again"):
        ss.CrossEncoder.load(deep)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(DamagedError, match=r"can't be read .it isn't an object"):
        ss.CrossEncoder.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DamagedError, match="can't be read"):
        ss.CrossEncoder.load(tmp_path)


@pytest.mark.parametrize("limit", [-1, 0, 3])
def test_a_model_that_reads_at_most_so_few_tokens_is_refused(tmp_path, cross_folder, limit):
    """The tokenizer would cut nothing, and the model's own tables end before a long text does."""
    folder = Path(shutil.copytree(cross_folder, tmp_path / "m"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": limit}))
    with pytest.raises(DamagedError, match=f"can't be opened .it reads {limit} tokens at most"):
        ss.CrossEncoder.load(folder)


def test_in_a_shell(tmp_path, capsys, index):
    path = str(tmp_path / "i")
    index.save(path)
    for options, metric in (
        ([], "hybrid"), (["--no-hybrid"], "cosine"), (["--alpha", "0"], "bm25"),
        (["--rerank", "maxsim"], "hybrid + maxsim"),
    ):  # fmt: skip
        assert main(["search", path, "a red pump", "-k", "2", *options]) == 0
        assert f"({metric})" in capsys.readouterr().out
    assert main(["search", path, "--id", "0", "--hybrid"]) == 2
    assert "--hybrid has no effect on --id" in capsys.readouterr().err
    assert main(["search", path, "a red pump", "--rerank", "no/folder"]) == 2
    assert "there is no folder 'no/folder'" in capsys.readouterr().err
