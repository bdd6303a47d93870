"""The commands of the latent lab and of recommendations: what they write, print and refuse."""

import json

import pytest

import semspace as ss
from semspace.cli.latent import TRAINERS


@pytest.fixture
def space(run, tmp_path):
    """Save a space of 16 documents with texts, encoded by a tiny model of 8 dimensions or so."""
    path = tmp_path / "texts.csv"
    rows = [f"{i},{word} number {i},{2000 + i}" for i, word in enumerate(["cat", "dog", "ship", "boat"] * 4)]
    path.write_text("id,text,year\n" + "\n".join(rows), encoding="utf-8")
    assert run("embed", path, "--out", tmp_path / "docs.space", "--model", "TINY")[0] == 0
    return tmp_path / "docs.space"


def good(result):
    code, out, err = result
    assert code == 0, err
    return out


@pytest.mark.parametrize("model", ["pca", "factors", "autoencoder"])
def test_train_and_the_way_back(run, space, tmp_path, model):
    network = model == "autoencoder"
    options = ("--epochs", 2, "--threads", 1, "--plot", tmp_path / "loss.svg") if network else ()
    out, codes = tmp_path / "m", tmp_path / "codes.space"
    args = ("latent", "train", space, "--model", model, "--dim", 2, "--out", out, "--encode", codes, *options)
    told = json.loads(good(run(*args, "--json")))
    history = told.pop("history", None)
    assert told == {
        "out": str(out), "encode": str(codes), "model": model, "dim": 2, "width": ss.load(space).dim, "points": 16
    }  # fmt: skip
    assert [epoch["epoch"] for epoch in history or ()] == ([1, 2] if network else [])
    assert (tmp_path / "loss.svg").exists() == network
    small, trained = ss.load(codes), ss.load(out)
    assert type(trained).__name__ == f"{TRAINERS[model]}Model"
    assert small.encoder.model.decode(small).dim == told["width"]
    assert "cat number 0" in good(run("similar", codes, "cat number 0", "-k", 1))  # a text, in the space of codes
    printed = good(run(*args, "--overwrite"))
    assert f"saved to {out}, and the codes to {codes}" in printed


@pytest.mark.parametrize("model", ["denoising", "vae", "gan"])
def test_train_each_network(run, space, tmp_path, model):
    args = ("latent", "train", space, "--model", model, "--dim", 2, "--epochs", 1, "--threads", 1)
    good(run(*args, "--out", tmp_path / "m"))
    assert ss.load(tmp_path / "m").provenance["made_by"] == TRAINERS[model]


def test_every_trainer_has_a_name():
    trainers = {name for name in ss.latent.__all__ if hasattr(getattr(ss.latent, name), "train")}
    not_smaller = {"GaussianMixture", "LatentTrainer", "Truncation"}
    assert trainers - not_smaller == set(TRAINERS.values())


def test_a_sparse_autoencoder_with_few_features(run, space, tmp_path):
    options = ("--dim", 8, "--active", 2, "--epochs", 1, "--threads", 1)
    good(run("latent", "train", space, "--model", "sparse", *options, "--out", tmp_path / "m"))
    assert (ss.load(tmp_path / "m").dim, ss.load(tmp_path / "m").active) == (8, 2)


def test_train_goes_on_from_a_checkpoint(run, space, tmp_path):
    args = ("latent", "train", space, "--model", "vae", "--dim", 2, "--epochs", 2, "--threads", 1)
    good(run(*args, "--out", tmp_path / "m", "--checkpoint", tmp_path / "c"))
    assert not (tmp_path / "c").exists()  # deleted when the model is written
    good(run(*args, "--out", tmp_path / "n", "--checkpoint", tmp_path / "c", "--resume"))


def test_path_tells_steps(run, space, tmp_path):
    args = ("latent", "path", space, "cat number 0", "ship number 2", "--steps", 4)
    told = json.loads(good(run(*args, "--json", "--plot", tmp_path / "way.svg")))
    assert (told["method"], len(told["steps"])) == ("spherical", 4)
    assert 0 < told["straightness"] <= 1
    assert told["steps"][0]["text"] == "cat number 0"
    assert "<svg" in (tmp_path / "way.svg").read_text(encoding="utf-8")
    assert good(run(*args, "--method", "straight")).startswith("'cat number 0' to 'ship number 2', straight")
    steps = json.loads(good(run("latent", "path", space, "0", "2", "--method", "documents", "--json")))["steps"]
    assert [steps[0]["id"], steps[-1]["id"]] == ["0", "2"]
    worded = json.loads(good(run(*args, "--words", "--json")))["steps"]
    assert any(step["words"] for step in worded)


def test_outliers_are_in_the_lab_too(run, space):
    alone, inside = (run(*group, "outliers", space, "--json") for group in ((), ("latent",)))
    assert alone == inside
    assert alone[0] == 0


def test_recommend_from_an_index_and_from_a_space(run, space, tmp_path):
    good(run("index", space, "--out", tmp_path / "i", "--method", "hnsw"))
    args = ("--like", 0, "--like", "ship number 2", "--dislike", 1, "-k", 3, "--where", "year < 2012", "--json")
    found = [json.loads(good(run("recommend", place, *args))) for place in (space, tmp_path / "i")]
    assert [row["id"] for row in found[0]] == [row["id"] for row in found[1]]
    index = ss.Index.open(tmp_path / "i")
    true = index.recommend(["0", "ship number 2"], ["1"], 3, where="year < 2012", exact=True)
    assert [row["id"] for row in found[0]] == [*true.ids]
    assert found[0][0]["score"] == pytest.approx(true.scores[0], abs=1e-6)
    old = json.loads(good(run("recommend", tmp_path / "i", "--like", 0, "--method", "mean", "-k", 2, "--json")))
    assert [row["id"] for row in old] == [*index.recommend("0", k=2, method="mean").ids]
    assert "(density)" in good(run("recommend", space, "--like", 0, "--diversity", 0.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recommend", "SPACE"), "give what is liked: --like ID"),
        (("recommend", "SPACE", "--like", "0", "--method", "median"), "--method must be one of density, mean"),
        (("recommend", "SPACE", "--like", "0", "--diversity", "2"), "--diversity must be a number of at least 0"),
        (("latent", "train", "SPACE", "--model", "magic", "--out", "x"), "--model must be one of autoencoder, "),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "x", "--epochs", "3"), "--epochs has no effect on"),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "x", "--resume"), "--resume has no effect on"),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "x", "--dim", "0"), "--dim must be a whole number"),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "y"), "exists already"),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "x", "--encode", "y"), "exists already"),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "SPACE", "--overwrite"), "--out is the path of SPACE"),
        (
            ("latent", "train", "SPACE", "--model", "pca", "--out", "x", "--encode", "./x"),
            "--encode is the path of --out",
        ),
        (("latent", "train", "SPACE", "--model", "pca", "--out", "x", "--active", "3"), "--active has no effect on"),
        (
            ("latent", "train", "SPACE", "--model", "sparse", "--out", "x", "--dim", "9"),
            "--active must be at most dim, 9",
        ),
        (("latent", "train", "SPACE", "--model", "vae", "--out", "x", "--plot", "x.txt"), "--plot must end in .svg"),
        (("latent", "path", "SPACE", "0", "2", "--steps", "1"), "--steps must be a whole number of at least 2"),
        (("latent", "path", "SPACE", "0", "2", "--method", "magic"), "--method must be one of"),
    ],
)
def test_bad_input_is_one_sentence(run, space, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    ss.load(space).save("y")
    code, out, err = run(*({"SPACE": space}.get(argument, argument) for argument in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()
