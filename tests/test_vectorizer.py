"""`SentenceVectorizer`: a transformer that scikit-learn's own checks pass, where they apply to texts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

import semspace as ss
from semspace.errors import InputError

WORDS = {"good": [2, 0, 1], "fine": [2, 1, 1], "bad": [-2, 0, 1], "poor": [-2, 1, 1], "day": [0, 0, 1]}
TEXTS = ["good day", "fine day", "so good", "bad day", "poor day", "so bad"]
LABELS = ["up"] * 3 + ["down"] * 3


def encoder(**options):
    words = ss.Space.from_vectors(list(WORDS), list(WORDS.values()))
    return ss.WordAverage(words, frequencies="zipf", **options)


@pytest.fixture
def vectorizer():
    return ss.SentenceVectorizer(encoder())


# parametrize_with_checks leaves out every check for an estimator that takes no matrix, also those that need none: they
# are named here. The others fit on random numbers, and text is all this one takes.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_mixin_order,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("chosen", ["all-MiniLM-L6-v2", encoder()], ids=["name", "encoder"])
def test_scikit_learn_finds_nothing_wrong(chosen, check):
    check("SentenceVectorizer", ss.SentenceVectorizer(chosen))


def test_vectors_are_the_encoders(vectorizer):
    for texts in (TEXTS, tuple(TEXTS), pd.Series(TEXTS, index=range(9, 3, -1)), np.array(TEXTS, dtype=object)):
        vectors = vectorizer.fit_transform(texts)
        np.testing.assert_array_equal(vectors, encoder().encode(TEXTS))
    assert vectors.dtype == np.float32
    assert vectorizer.get_feature_names_out().tolist() == [f"sentencevectorizer{i}" for i in range(3)]


def test_a_name_is_loaded_by_fit_and_not_before(tiny_folder):
    vectorizer = ss.SentenceVectorizer(tiny_folder)
    assert vars(vectorizer) == {"encoder": tiny_folder, "progress": True}
    assert vectorizer.fit(TEXTS).transform(TEXTS).shape == (6, 16)
    assert vectorizer.encoder is tiny_folder
    assert vars(clone(vectorizer)) == {"encoder": tiny_folder, "progress": True}


def test_clones_share_the_encoder(vectorizer):
    assert clone(vectorizer).encoder is vectorizer.encoder


def test_in_a_pipeline_and_a_grid_search(vectorizer):
    model = make_pipeline(vectorizer, LogisticRegression())
    assert model.fit(TEXTS, LABELS).predict(["fine fine day", "poor"]).tolist() == ["up", "down"]
    assert model.set_output(transform="pandas")[:-1].transform(TEXTS).columns[0] == "sentencevectorizer0"
    grid = {
        "sentencevectorizer__encoder": [encoder(), encoder(remove_common=False)],
        "logisticregression__C": [0.1, 10.0],
    }
    search = GridSearchCV(make_pipeline(vectorizer, LogisticRegression()), grid, cv=3, error_score="raise")
    assert search.fit(TEXTS, LABELS).best_score_ == 1


@pytest.mark.parametrize("column", ["text", ["text"]])
def test_for_a_column_of_a_table(vectorizer, column):
    table = pd.DataFrame({"text": TEXTS, "year": range(6)})
    both = ColumnTransformer([("text", vectorizer, column), ("year", "passthrough", ["year"])])
    made = both.fit_transform(table)
    np.testing.assert_allclose(made[:, :3], encoder().encode(TEXTS))
    assert both.get_feature_names_out().tolist()[-2:] == ["text__sentencevectorizer2", "year__year"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a text", "X must be a list of strings; got one string"),
        ([1, 2], "X must hold only strings; item 0 is int"),
        (["a", None], "item 1 is NoneType"),
        ([], "X must hold at least one text"),
        (np.array([["a", "b"]], dtype=object), r"one column of them; got shape \(1, 2\)"),
        (np.array("a"), r"got shape \(\)"),
    ],
)
def test_what_is_no_text_is_refused(vectorizer, given, message):
    with pytest.raises(InputError, match=message):
        vectorizer.fit(given)
    with pytest.raises(InputError, match=message):
        vectorizer.fit(TEXTS).transform(given)


def test_an_encoder_must_be_one():
    with pytest.raises(InputError, match="encoder must be an Encoder, or the name or folder of one; got int"):
        ss.SentenceVectorizer(3).fit(TEXTS)
    with pytest.raises(InputError, match="progress must be True or False; got 1"):
        ss.SentenceVectorizer(encoder(), progress=1).fit(TEXTS)


def test_transform_needs_fit(vectorizer):
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)
    with pytest.raises(NotFittedError):
        vectorizer.get_feature_names_out()
