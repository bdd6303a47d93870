"""Bridges between encoders: exact where one space is a turned copy of the other, honest where it isn't."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError
from semspace.latent import bridge_maps, bridge_recall
from semspace.latent.bridge_maps import Recipe
from semspace.latent.residual_map import ResidualMap
from semspace.sentences.blocks import EncodedBlock

DIM = 8
TURN = np.linalg.qr(np.random.default_rng(7).normal(size=(DIM, DIM)))[0].astype(np.float32)
TEXTS = [f"text number {i}" for i in range(300)]


class Turned(ss.Encoder):
    """Encodes a text as a random vector of its own, turned."""

    max_tokens = 100

    def __init__(self, name, turn, noise=0.0):
        self.name, self.turn, self.noise = name, turn, noise
        self.dim = turn.shape[1]
        self.fingerprint = f"{name} {noise}".encode().hex().ljust(64, "0")

    def _encode_block(self, texts, bar):
        rows = [np.random.default_rng([*text.encode()]).normal(size=DIM + 16) for text in texts]
        clean = np.array(rows, np.float32).reshape(len(texts), -1)
        vectors = clean[:, :DIM] @ self.turn + self.noise * clean[:, DIM : DIM + self.dim]
        return EncodedBlock(vectors.astype(np.float32), np.zeros(len(texts), np.bool_))


OLD, NEW = Turned("old", np.eye(DIM, dtype=np.float32)), Turned("new", TURN)
NOISY = Turned("noisy", TURN, 0.3)


@pytest.fixture(scope="module")
def across():
    return ss.latent.bridge(NEW, OLD, TEXTS)


@pytest.fixture
def named(monkeypatch):
    encoders = {encoder.name: encoder for encoder in (OLD, NEW, NOISY)}
    monkeypatch.setattr("semspace.sentences.load.load_encoder", lambda name, **_: encoders[name])


def units(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_a_turned_space_is_turned_back(across):
    assert across.recipe == Recipe("orthogonal")
    np.testing.assert_allclose(across.map.weights, TURN.T, atol=1e-4)
    np.testing.assert_allclose(across.map.bias, 0, atol=1e-4)
    images = across.encode(NEW.encode(["another text"]))
    np.testing.assert_allclose(images, units(OLD.encode(["another text"])), atol=1e-4)
    for kept in (across.recall_of_queries, across.recall_of_documents, across.unmapped_recall):
        assert (kept.value, kept.low, kept.high, kept.n_documents) == (1, 1, 1, 300)


def test_a_longer_space_is_projected_and_a_shorter_one_laid_into_it():
    wide = Turned("wide", np.concatenate([TURN, np.zeros((DIM, 4), np.float32)], axis=1))
    down, up = ss.latent.bridge(wide, OLD, TEXTS), ss.latent.bridge(OLD, wide, TEXTS)
    assert (down.width, down.dim, up.width, up.dim) == (12, 8, 8, 12)
    assert down.recall_of_queries.value == up.recall_of_documents.value == 1
    np.testing.assert_allclose(up.encode(OLD.encode(TEXTS[:3])), units(wide.encode(TEXTS[:3])), atol=1e-3)


def test_an_old_index_is_searched_with_the_new_encoder(across, tmp_path):
    ss.Index.build(OLD.embed(ss.Corpus.from_texts(TEXTS, ids=TEXTS))).save(tmp_path / "old.index")
    with ss.Index.open(tmp_path / "old.index", encoder=across.encoder) as index:
        assert index.encoder.name == "new → old"
        assert index.encoder.fingerprint == across.fingerprint
        before = ss.Index.open(tmp_path / "old.index", encoder=OLD)
        for text in ("one question", "another question"):
            assert index.search(text).ids == before.search(text).ids
        np.testing.assert_allclose(index.encoder.encode(["x"]), index.encoder.encode_documents(["x"]))


def test_an_index_through_a_bridge_is_saved_with_it(across, tmp_path, named):
    ss.Index.build(OLD.embed(ss.Corpus.from_texts(TEXTS[:50]))).save(tmp_path / "old.index")
    index = ss.Index.open(tmp_path / "old.index", encoder=across.encoder)
    index.save(tmp_path / "new.index")
    again = ss.Index.open(tmp_path / "new.index")
    assert again.encoder.fingerprint == across.fingerprint
    assert again.search("one question").ids == index.search("one question").ids
    ss.Index.open(tmp_path / "new.index", encoder=across.encoder).close()
    with pytest.raises(InputError, match=r"'new → old' with fingerprint .* 'old' has"):
        ss.Index.open(tmp_path / "new.index", encoder=OLD)


def test_an_index_of_another_encoder_is_refused(across, tmp_path):
    ss.Index.build(NOISY.embed(ss.Corpus.from_texts(TEXTS[:50]))).save(tmp_path / "noisy.index")
    with pytest.raises(InputError, match=r"were made by 'noisy' .* and 'new → old' has"):
        ss.Index.open(tmp_path / "noisy.index", encoder=across.encoder)


def test_an_old_corpus_moves_to_the_new_space():
    numbers = {"number": range(len(TEXTS))}
    old = ss.Space.from_vectors(TEXTS, OLD.encode(TEXTS), numbers, OLD)
    across = ss.latent.bridge(OLD, NEW, TEXTS[:200])
    moved = across.encode(old)
    assert moved.encoder is NEW
    assert moved.ids.tolist() == TEXTS
    assert moved.metadata.equals(old.metadata)
    assert moved.provenance["bridge"] == across.fingerprint
    assert moved.fingerprint != old.fingerprint
    true = ss.Space.from_vectors(TEXTS, NEW.encode(TEXTS), numbers, NEW)
    assert moved.most_similar("a question").ids == true.most_similar("a question").ids


def test_vectors_of_another_encoder_or_width_are_refused(across):
    space = NOISY.embed(ss.Corpus.from_texts(TEXTS[:20]))
    with pytest.raises(InputError, match=r"made by 'noisy' .* this bridge leads from 'new' .*; fit a bridge from that"):
        across.encode(space)
    with pytest.raises(InputError, match=r"maps vectors of 8 dimensions to 8; got 9 dimensions"):
        across.encode(np.ones((2, 9)))
    with pytest.raises(InputError, match=r"the vector .row 1. is all zeros"):
        across.encode([[1.0] * 8, [0.0] * 8])


def test_recall_is_that_of_pairs_the_map_has_not_seen():
    # Nothing leads from one to the other, and a ridge regression would learn the pairs by heart.
    rng = np.random.default_rng(0)
    a, b = (ss.Space.from_vectors(range(120), rng.normal(size=(120, 100))) for _ in range(2))
    across = ss.latent.bridge(a, b)
    assert across.recall_of_queries.value < 0.2  # ten of 119 are 0.08


def test_recall_said_beforehand_is_that_of_more_texts():
    across = ss.latent.bridge(NOISY, OLD, TEXTS)
    more = [f"something else {i}" for i in range(1_200)]
    true, images = units(OLD.encode(more)), across.encode(NOISY.encode(more))
    seen = bridge_recall.kept_recall(images, true, true, np.arange(300))
    assert 0.3 < seen.value < 0.9
    expected = across.recall_of_queries.at(1_200)
    assert expected.value == pytest.approx(seen.value, abs=0.06)
    assert across.recall_of_queries.slope < 0
    assert expected.low < expected.value < expected.high


def test_recall_by_hand():
    documents = np.eye(12, dtype=np.float32) + 0.1 * np.arange(12, dtype=np.float32)[:, None]
    queries = units(documents)
    moved = queries.copy()
    moved[0] = -moved[0]  # the nearest of the first become the farthest: ten of eleven others are still all but one
    kept = bridge_recall.kept_recall(moved, queries, queries, np.array([0]), trend=False)
    assert kept.value == pytest.approx(0.9)
    assert bridge_recall.kept_recall(queries, queries, queries, np.arange(12)).value == 1


def test_the_slope_is_that_of_three_halvings(monkeypatch):
    shares = {1600: 0.2, 800: 0.3, 400: 0.4, 200: 0.5, 100: 0.0}  # a tenth is lost at each doubling; 100 aren't asked
    monkeypatch.setattr(bridge_recall, "_shares", lambda queries, documents, *_: np.array([shares[len(documents)]]))
    vectors = np.ones((1600, 1), np.float32)
    kept = bridge_recall.kept_recall(vectors, vectors, vectors, np.arange(1000))
    assert (kept.value, kept.slope) == pytest.approx((0.2, -0.1))
    assert kept.at(3200).value == pytest.approx(0.1)
    assert kept.at(400).value == pytest.approx(0.4)


def test_maps_by_their_definitions():
    rng = np.random.default_rng(3)
    x, y = (units(rng.normal(size=(60, 5))).astype(np.float32) for _ in range(2))
    moments = bridge_maps.PairMoments(x, y)
    dx, dy = x - x.mean(axis=0), y - y.mean(axis=0)
    weights, bias = moments.fit(Recipe("ridge", 0.1))
    penalty = 0.1 * np.trace(dx.T @ dx) / 5
    np.testing.assert_allclose(weights, np.linalg.solve(dx.T @ dx + penalty * np.eye(5), dx.T @ dy), atol=1e-5)
    np.testing.assert_allclose(x.mean(axis=0) @ weights + bias, y.mean(axis=0), atol=1e-5)
    low, _ = moments.fit(Recipe("low-rank", 0.1, 2))
    assert np.linalg.matrix_rank(low, tol=1e-4) == 2
    turned, _ = moments.fit(Recipe("orthogonal"))
    np.testing.assert_allclose(turned.T @ turned, np.eye(5), atol=1e-5)
    other = bridge_maps.PairMoments(x[:20], y[:20])
    rest = bridge_maps.PairMoments(x[20:], y[20:])
    fitted = [some.fit(Recipe("ridge", 0.1))[0] for some in (moments.without(other), rest)]
    np.testing.assert_allclose(*fitted, atol=1e-5)


def test_the_network_sees_what_no_line_can():
    rng = np.random.default_rng(4)
    x = units(rng.normal(size=(800, 3))).astype(np.float32)
    y = units(np.abs(x) - 0.5).astype(np.float32)
    across = ss.latent.bridge(ss.Space.from_vectors(range(800), x), ss.Space.from_vectors(range(800), y))
    assert across.recipe.method == "network"
    assert across.tried["network"] > across.tried["ridge"] + 0.3


def test_saved_and_loaded(across, tmp_path, named):
    across.save(tmp_path / "a.bridge")
    again = ss.load(tmp_path / "a.bridge")
    assert again.fingerprint == across.fingerprint
    assert again.to_dict() == across.to_dict()
    assert again.recipe == across.recipe
    np.testing.assert_array_equal(again.encoder.encode(["a"]), across.encoder.encode(["a"]))
    assert repr(again) == repr(across)


def test_what_was_changed_on_disk_is_noticed(across, tmp_path):
    across.save(tmp_path / "a.bridge")
    file = tmp_path / "a.bridge" / "bridge-weights.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedError):
        ss.load(tmp_path / "a.bridge")


def test_vectors_without_encoders():
    rng = np.random.default_rng(0)
    a = ss.Space.from_vectors(range(150), rng.normal(size=(150, DIM)))
    b = ss.Space.from_vectors(range(20, 170), np.concatenate([a.vectors[20:], rng.normal(size=(20, DIM))]))
    across = ss.latent.bridge(a, b)
    assert across.n_pairs == 130
    assert ss.latent.bridge(a, b, range(30, 140)).n_pairs == 110
    with pytest.raises(InputError, match=r"without their encoders, so it can't encode texts"):
        _ = across.encoder


def test_copies_count_once():
    a = ss.Space.from_vectors(range(240), np.repeat(NEW.encode(TEXTS[:120]), 2, axis=0))
    b = ss.Space.from_vectors(range(240), np.repeat(OLD.encode(TEXTS[:120]), 2, axis=0))
    assert ss.latent.bridge(a, b).n_pairs == 120
    assert ss.latent.bridge(NEW, OLD, TEXTS[:120] * 2).n_pairs == 120


def test_a_bridge_is_the_same_by_its_seed():
    first, second = (ss.latent.bridge(NOISY, OLD, TEXTS, seed=3) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.to_dict() == second.to_dict()


def test_the_card_and_the_table(across):
    assert "recall@10 of mapped queries    1.000 [1.000, 1.000] among 300" in repr(across)
    assert "new (8), old (8)" in across._repr_html_()
    assert across.to_frame()["of"].to_list() == ["queries", "documents", "source_alone"]
    assert across.to_dict()["method"] == "orthogonal"


def test_the_texts_of_a_corpus_are_pairs(across):
    corpus = ss.Corpus.from_texts(TEXTS)
    assert ss.latent.bridge(NEW, OLD, corpus).fingerprint == across.fingerprint
    assert ss.latent.bridge(NEW.embed(corpus), OLD.embed(corpus), corpus[:200]).n_pairs == 200


def test_what_cannot_be_bridged_is_refused():
    space = NEW.embed(ss.Corpus.from_texts(TEXTS))
    with pytest.raises(InputError, match=r"at least 100 pairs, better some thousand; got 20 different texts"):
        ss.latent.bridge(NEW, OLD, TEXTS[:20] * 10)
    with pytest.raises(InputError, match=r"two encoders and texts, or two spaces with the same ids; got one of each"):
        ss.latent.bridge(NEW, space)
    with pytest.raises(InputError, match=r"two encoders or two spaces; got str"):
        ss.latent.bridge("new", OLD, TEXTS)
    with pytest.raises(InputError, match=r"bridge needs pairs=, some thousand texts"):
        ss.latent.bridge(NEW, OLD)
    with pytest.raises(InputError, match=r"nothing to bridge"):
        ss.latent.bridge(NEW, NEW, TEXTS)
    with pytest.raises(InputError, match=r"got 0 shared ids"):
        ss.latent.bridge(space, ss.Space.from_vectors(["z"], [[1.0] * DIM]))


def test_an_encoder_without_a_name_to_load_it_by_is_not_saved(tmp_path):
    words = ss.Space.from_vectors(["text", "number"], np.eye(2, DIM), {"count": [9, 9]})
    average = ss.WordAverage(words)
    pairs = NEW.embed(ss.Corpus.from_texts(TEXTS))
    across = ss.latent.bridge(pairs, ss.Space.from_vectors(pairs.ids.tolist(), OLD.encode(TEXTS), None, average))
    with pytest.raises(InputError, match=r"'word-average' can't be loaded by a name"):
        across.save(tmp_path / "a.bridge")


def test_a_residual_map_by_hand():
    # 2x + 1 + 3 silu(x - 1): at 1, 3 + 0; at 2, 5 + 3 / (1 + 1/e); at a large -x, what silu adds is 0.
    arrays = (np.float32(one) for one in ([[2]], [1], [[1]], [-1], [[3]]))
    mapped = ResidualMap(*arrays)(np.float32([[1], [2], [-1_000]]))
    np.testing.assert_allclose(mapped, [[3], [5 + 3 / (1 + np.exp(-1))], [-1_999]], rtol=1e-6)


@pytest.mark.parametrize(("n", "halvings"), [(199, 0), (200, 1), (400, 2)])
def test_a_half_of_fewer_than_a_hundred_documents_tells_nothing_of_the_trend(monkeypatch, n, halvings):
    asked = []

    def shares(_, documents, *rest):
        asked.append(len(documents))
        return np.array([0.5])

    monkeypatch.setattr(bridge_recall, "_shares", shares)
    bridge_recall.kept_recall(*3 * [np.zeros((n, 2), np.float32)], np.arange(n))
    assert asked == [n, n // 2, n // 4][: 1 + halvings]
