"""Sentences and the next ones: how documents are split and dealt, the loss and its anchor, the task."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.training.examples import Examples
from semspace.training.objectives import OBJECTIVES, as_objective
from semspace.training.objectives.adjacent_sentences import _blocks, _content_mask, _mean_embeddings
from semspace.training.objectives.objective import Batch
from semspace.training.student import Student
from tests.words import KINDS

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

AIM = ss.training.AdjacentSentences(shortest=3)


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Rain fell. The river rose! Why? It rained.", ["Rain fell.", "The river rose!", "Why?", "It rained."]),
        (
            "It grew by 3.5 per cent. of all.\nA heading\n\nNext.",
            ["It grew by 3.5 per cent. of all.", "A heading", "Next."],
        ),
        ("He said “no.” “Yes,” she said.", ["He said “no.”", "“Yes,” she said."]),
        ("今天下雨。河水上涨。", ["今天下雨。", "河水上涨。"]),
        ("Ça va. École. Nr. 5 it is.", ["Ça va.", "École.", "Nr. 5 it is."]),
        ("  \n ", []),
    ],
)
def test_documents_are_split_into_sentences(text, sentences):
    assert AIM._sentences(text) == sentences


def test_sentences_too_short_or_too_long_are_left_out():
    aim = ss.training.AdjacentSentences(shortest=4, longest=6)
    assert aim._sentences("Abc.\nAb.\nAbcdef.\nAbcde.") == ["Abc.", "Abcde."]


def test_each_sentence_is_paired_with_the_next_of_its_document():
    examples = AIM.read(["Aaa. Bbb. Ccc.", "Ddd.", "Bbb. Bbb. Eee."])
    found = [(examples.texts[a], examples.texts[b]) for a, b in examples.rows]
    assert found == [("Aaa.", "Bbb."), ("Bbb.", "Ccc."), ("Bbb.", "Eee.")]
    assert examples.targets.tolist() == [0, 0, 2]
    assert len(examples.texts) == 5
    again = AIM.read(ss.Corpus.from_texts(["Aaa. Bbb. Ccc.", "Ddd.", "Bbb. Bbb. Eee."]))
    assert np.array_equal(again.rows, examples.rows)


def test_data_without_neighbours_is_one_sentence():
    with pytest.raises(InputError, match="none of 2 documents has two different consecutive sentences of 3 to 400"):
        AIM.read(["One alone.", "Twice. Twice."])
    with pytest.raises(InputError, match="documents must be a Corpus, a path, or non-empty texts"):
        AIM.read([1, 2])


@pytest.mark.parametrize(
    "parameters",
    [{"scale": 0}, {"symmetric": 1}, {"block": 0}, {"anchor": -1}, {"shortest": 0}, {"shortest": 9, "longest": 8}],
)
def test_parameters_out_of_range(parameters):
    with pytest.raises(InputError, match=f"^{list(parameters)[-1]} must be"):
        ss.training.AdjacentSentences(**parameters)


# -- batches ------------------------------------------------------------------------------------------------------


def chains(*lengths):
    """Documents of so many pairs, each sentence its own."""
    owners = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    firsts = np.arange(len(owners), dtype=np.int32) + owners
    return Examples([f"s{i}" for i in range(len(owners) + len(lengths))], np.stack([firsts, firsts + 1], 1), owners)


def test_blocks_are_of_one_document_and_share_no_sentence():
    examples = chains(1, 40, 7, 0, 16)
    blocks = _blocks(examples.targets, 5)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(64))
    for block in blocks:
        assert 1 <= len(block) <= 5
        assert len(set(examples.targets[block].tolist())) == 1
        assert len(set(examples.rows[block].ravel().tolist())) == 2 * len(block)
    assert max(map(len, blocks)) == 5


def test_blocks_do_not_need_documents_to_lie_together():
    owners = np.array([1, 0, 1, 0, 1], np.int32)
    assert [block.tolist() for block in _blocks(owners, 9)] == [[1], [3], [0, 4], [2]]


def test_an_epoch_deals_every_pair_once_in_as_many_batches_each_time():
    examples = chains(30, 3, 3, 50, 21)
    aim = ss.training.AdjacentSentences(block=4)
    first, again, other = (aim.batches(examples, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len(other) == len(first) == 7
    for batches in (first, other):
        assert sorted(np.concatenate(batches).tolist()) == list(range(107))
        assert {len(batch) for batch in batches} <= {15, 16}
    # Blocks of 4 keep neighbours together: most pairs stand beside one of their document.
    joined = np.concatenate(first)
    assert np.mean(examples.targets[joined[1:]] == examples.targets[joined[:-1]]) > 0.6


def test_no_block_is_larger_than_a_batch():
    examples = chains(40)
    assert max(map(len, _blocks(examples.targets, min(16, 4)))) == 4
    batches = AIM.batches(examples, 4, np.random.default_rng(0))
    assert {len(batch) for batch in batches} == {4}


# -- loss ---------------------------------------------------------------------------------------------------------


def batch_of(examples, seed=0, dim=6):
    draw = np.random.default_rng(seed)
    tokens = [draw.integers(5, 20, 3).astype(np.int32) for _ in range(2 * len(examples))]
    vectors = torch.from_numpy(draw.normal(size=(len(tokens), dim)).astype(np.float32)).requires_grad_()
    return Batch(examples, tokens), vectors


def test_the_loss_by_hand_leaves_out_neighbours():
    examples = chains(3, 1).take(np.array([0, 2, 3]))  # (0, 1), (2, 3) of one document, (4, 5) of another
    batch, vectors = batch_of(examples)
    found = vectors.detach().numpy()
    found = (found / np.linalg.norm(found, axis=1, keepdims=True)).reshape(3, 2, 6)
    logits = np.exp(20 * found[:, 0] @ found[:, 1].T)
    logits[1, 0] = 0  # sentence 1 stands before 2, so it isn't a negative of it
    right = np.diag(logits)
    wanted = -np.mean([np.log(right / logits.sum(axis=1)), np.log(right / logits.sum(axis=0))])
    assert float(AIM.loss(vectors, batch, None).detach()) == pytest.approx(wanted, rel=1e-5)


def anchored(weight=1e6):
    kept = torch.nn.Module()
    kept.register_buffer("table", torch.from_numpy(np.random.default_rng(5).normal(size=(20, 6)).astype(np.float32)))
    return ss.training.AdjacentSentences(anchor=weight), kept


def test_the_anchor_by_hand():
    batch, vectors = batch_of(chains(5))
    aim, kept = anchored(3.0)
    table = kept.table.numpy()
    wanted = np.array([table[row].mean(axis=0) for row in batch.tokens])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    found = vectors.detach().numpy()
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    more = 3 * ((found @ found.T - wanted @ wanted.T) ** 2).mean()
    gained = float((aim.loss(vectors, batch, kept) - aim.loss(vectors, batch, None)).detach())
    assert gained == pytest.approx(more, rel=1e-4)


def test_the_anchor_is_still_where_cosines_are_those_of_the_table_and_pulls_back_elsewhere():
    batch, vectors = batch_of(chains(5))
    aim, kept = anchored()
    still = _mean_embeddings(batch.tokens, kept.table).clone().requires_grad_()
    plain = ss.training.AdjacentSentences()
    (aim.loss(still, batch, kept) - plain.loss(still, batch, None)).backward()
    assert float(still.grad.abs().max()) < 0.2  # of a weight of a million
    before = float((aim.loss(vectors, batch, kept)).detach())
    loss = aim.loss(vectors, batch, kept)
    loss.backward()
    moved = vectors.detach() - 0.01 * vectors.grad / vectors.grad.norm()
    assert float(aim.loss(moved, batch, kept)) < before


# -- task and training --------------------------------------------------------------------------------------------


def test_the_task_asks_for_each_sentence_at_most_once():
    task = AIM.task(chains(4, 1))
    assert task.name == "held-out sentences"
    assert task.questions.texts.to_list() == ["s0", "s2", "s5"]
    assert task.documents.texts.to_list() == ["s1", "s3", "s6"]
    vectors = {f"s{i}": np.eye(9)[i - i % 2 if i < 5 else 5] for i in range(7)}
    finds = type("Finds", (), {"encode": lambda self, texts, **_: np.array([vectors[one] for one in texts])})()
    assert task.score(finds).value == 1.0


def test_the_task_has_a_thousand_questions_at_most_and_two_at_least():
    assert len(AIM.task(chains(2500)).questions) == 1_000
    assert AIM.task(chains(2)) is None


@pytest.fixture(scope="module")
def documents():
    """Each of one kind of things, two names of which are in every sentence."""
    draw = np.random.default_rng(0)
    return [
        " ".join(f"The {a} and the {b}." for a, b in (draw.choice(KINDS[i % 2], 2, replace=False) for _ in range(8)))
        for i in range(24)
    ]


@pytest.fixture(scope="module")
def words():
    names = [*KINDS[0], *KINDS[1], "the", "and"]
    vectors = np.random.default_rng(1).normal(size=(12, 8))
    return ss.Space.from_vectors(names, vectors, {"count": [*[30] * 10, 300, 150]})


def cosines(documents, words, *, rate=5e-3, **aim):
    """Train, and give the cosines between the names of things."""
    sizes = ss.training.SmallTransformer(dim=64, heads=2, vocabulary=120, max_tokens=16)
    objective = ss.training.AdjacentSentences(shortest=3, block=4, **aim)
    trainer = ss.EncoderTrainer(
        objective=objective,
        base=sizes,
        batch_size=16,
        epochs=6,
        learning_rate=rate,
        threads=1,
        held_out=0.2,
        precision="float32",
    )
    found = trainer.train(documents, init=words, progress=False).encode([*KINDS[0], *KINDS[1]])
    return found @ found.T


def test_training_finds_that_neighbours_are_of_one_kind_and_the_anchor_holds_on_to_the_start(documents, words):
    before = cosines(documents, words, rate=1e-12)
    free, held = (cosines(documents, words, anchor=anchor) for anchor in (0.0, 1e4))
    same = np.kron(np.eye(2), np.ones((5, 5))).astype(bool)
    others = ~np.eye(10, dtype=bool)

    def apart(found):
        return float(found[same & others].mean() - found[~same].mean())

    assert apart(free) - apart(before) > 0.3
    assert np.array_equal(held, cosines(documents, words, anchor=1e4))
    assert np.abs(free - before)[others].mean() > 4 * np.abs(held - before)[others].mean()


def test_it_goes_by_its_name(documents):
    assert OBJECTIVES["adjacent"] is ss.training.AdjacentSentences
    assert as_objective("adjacent") == ss.training.AdjacentSentences()


def test_what_is_kept_for_the_anchor_is_never_trained_nor_ballast(documents, words, tmp_path, tiny_folder):
    from semspace.sentences.model_config import read_model_config
    from semspace.sentences.torch_runtime import load_model
    from semspace.training.from_scratch import create_transformer

    texts = AIM.read(documents).texts
    sizes = ss.training.SmallTransformer(dim=64, heads=2, vocabulary=120, max_tokens=16)
    with torch.random.fork_rng():
        layout, model = create_transformer(sizes, texts, words, 1, tmp_path)
    student = Student(model, layout)
    kept = ss.training.AdjacentSentences(anchor=1).aux_module(student)
    assert not list(kept.parameters())
    assert kept.table[:, :8].any()
    assert not kept.table[:, 10:].any()
    rows = student.split_rows(student.tokenizer.read(texts[:9]))
    wanted = torch.nn.functional.normalize(_mean_embeddings(rows, kept.table), dim=1).numpy()
    assert np.abs(student.encode(texts[:9]) - wanted).max() < 1e-4  # what the anchor holds is what it starts from
    student.embeddings.weight += 1
    assert not kept.table[:, 10:].any()
    assert ss.training.AdjacentSentences().aux_module(student) is None
    other = load_model(read_model_config(tiny_folder))
    assert bool(torch.as_tensor(_content_mask(other)).all())
