"""Texts, ids, labels, columns and names of files that would write HTML, Markdown, formulas or terminal codes."""

import contextlib
import json
import re
import warnings

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.cli.main import main
from semspace.errors import InputError, MissingFileError, SemspaceError, SemspaceWarning, UnknownIdError
from semspace.report.page import to_html, to_markdown

BOLD, RED, TURN = "<b data-x>", "\x1b[31m", "\u202e"
MARK = f"{BOLD}&amp;{RED}{TURN}x"
LINK = "[a](javascript:x) ![b](//c/d) `e` *f* |g|"
WORDS = ("river", "bread", "stone", "cloud", "tree", "wolf", "ship", "sea")


def texts(kind):
    return [
        f"{MARK} {LINK} the {WORDS[4 * kind + row % 4]} {WORDS[4 * kind + (row + 1) % 4]} {row}" for row in range(30)
    ]


def frame(kind):
    return pl.DataFrame(
        {
            "id": [f"{kind}{row}{MARK}" for row in range(30)],
            "text": texts(kind),
            f"label {MARK}": [f"{MARK}{row % 2}" for row in range(30)],
            "year": [2000 + row % 5 for row in range(30)],
        }
    )


@pytest.fixture(scope="module")
def values():
    """Return a value of each kind, full of marks."""
    draw = np.random.default_rng(0)
    corpora = [ss.Corpus.from_frame(frame(kind)) for kind in (0, 1)]
    spaces = []
    for kind, corpus in enumerate(corpora):
        vectors = draw.normal(size=(30, 6)) + 3 * np.eye(6)[kind]
        spaces.append(ss.Space.from_vectors(corpus.ids.to_list(), vectors, corpus.to_frame().drop("id")))
    space = ss.Space.from_vectors(
        [*spaces[0].ids, *spaces[1].ids],
        np.concatenate([one.vectors for one in spaces]),
        pl.concat([one.metadata for one in spaces]),
    )
    index = ss.Index.build(space, "exact", progress=False)
    tokens = ss.Tokens.from_corpus(corpora[0], tokenizer="whitespace")
    groups = ss.cluster(space, n_clusters=2, progress=False).rename({0: f"zero {MARK}", 1: f"one {MARK} {LINK}"})
    words = ss.Space.from_vectors([f"{MARK}{row}" for row in range(8)], draw.normal(size=(8, 6)))
    query = space.vectors[0]
    pca = ss.latent.PCA(dim=2).train(space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compared = ss.compare(
            *spaces, names=[f"A {MARK}", f"B {MARK} {LINK}"], n_clusters=2, permutations=99, resamples=99,
            references=False, progress=False,
        )  # fmt: skip
    return {
        "corpus": corpora[0],
        "tokens": tokens,
        "phrases": ss.Phrases(min_count=1, threshold=0.01).train(tokens),
        "space": space,
        "words": words,
        "neighbours": space.most_similar(space.ids[0], k=5),
        "found": index.search(query, k=5),
        "index": index,
        "index report": index.report(),
        "space report": space.report(),
        "clustering": groups,
        "assigned": groups.assign(space.vectors[:3]),
        "comparison": compared,
        "outliers": ss.outliers(space, progress=False),
        "projection": ss.project(space, "pca", groups=f"label {MARK}", progress=False),
        "codes": pca.encode(space),
        "analogy": words.most_similar(positive=words.ids[:2].tolist(), negative=words.ids[2:3].tolist(), k=2),
    }


NAMES = (
    "corpus", "tokens", "phrases", "space", "words", "neighbours", "found", "index", "index report", "space report",
    "clustering", "assigned", "comparison", "outliers", "projection", "codes", "analogy",
)  # fmt: skip


def check_terminal(text):
    assert RED not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def check_html(text):
    assert BOLD not in text
    assert "data-x" not in re.sub(r"&lt;b data-x&gt;", "", text) or BOLD not in text
    assert 'href="javascript:' not in text


def check_markdown(text):
    prose = re.sub(r"(?ms)^    .*?$|^```.*?^```", "", text)  # code is shown as it is
    assert BOLD not in prose
    assert not re.search(r"(?<!\\)\[a(?<!\\)\]\(javascript", prose)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_terminal_shows_does_not_steer_it(values, name):
    check_terminal(repr(values[name]))
    check_terminal(str(values[name]))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_notebook_shows_holds_no_markup_of_others(values, name):
    value = values[name]
    if hasattr(value, "_repr_html_"):
        check_html(value._repr_html_())
    if hasattr(value, "_repr_markdown_"):
        check_markdown(value._repr_markdown_())


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name in ("clustering", "comparison", "outliers", "projection")]
)
def test_pages_hold_no_markup_of_others(values, name):
    page = values[name].page(title=f"of {MARK}")
    check_html(to_html(page))
    check_markdown(to_markdown(page))


@pytest.mark.parametrize("name", ["clustering", "outliers", "projection", "space", "comparison"])
def test_figures_hold_no_markup_of_others(values, name, tmp_path):
    figure = values[name].plot()
    check_html(figure._repr_html_())
    figure.save(tmp_path / "f.svg")
    check_html((tmp_path / "f.svg").read_text())


def test_files_of_tables(values, tmp_path):
    values["comparison"].to_json(tmp_path / "all.json")
    written = (tmp_path / "all.json").read_text()
    check_terminal(written)  # JSON has codes for them
    assert json.loads(written)


# -- spreadsheets ----------------------------------------------------------------------------------------------------

FORMULAS = ("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "=cmd|x")


def compared_formulas():
    draw = np.random.default_rng(0)
    spaces = []
    for kind in (0, 1):
        said = [f"{FORMULAS[row % len(FORMULAS)]} the {WORDS[4 * kind + row % 4]} {row}" for row in range(30)]
        ids = [f"{FORMULAS[row % len(FORMULAS)]}{kind}{row}" for row in range(30)]
        spaces.append(ss.Space.from_vectors(ids, draw.normal(size=(30, 6)), {"text": said}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ss.compare(
            *spaces, names=["=A", "-B"], n_clusters=2, permutations=99, resamples=99, references=False, progress=False
        )


def test_no_cell_of_a_csv_file_is_a_formula_unless_asked_for(tmp_path):
    found = compared_formulas()
    found.to_csv(tmp_path / "safe")
    found.to_csv(tmp_path / "plain", escape_formulas=False)
    changed = 0
    for path in sorted((tmp_path / "safe").iterdir()):
        safe, plain = (pl.read_csv(tmp_path / folder / path.name, infer_schema=False) for folder in ("safe", "plain"))
        assert safe.shape == plain.shape
        for name in safe.columns:
            for ours, theirs in zip(safe[name], plain[name], strict=True):
                if ours != theirs:
                    assert ours == f"'{theirs}"
                    assert theirs[0] in "=+-@\t\r"
                    changed += 1
                elif ours and ours[0] in "=+-@\t\r":
                    assert float(ours) < 0  # a number
    assert changed > 100
    with pytest.raises(InputError, match="escape_formulas must be True or False"):
        found.to_csv(tmp_path / "x", escape_formulas="no")


# -- messages --------------------------------------------------------------------------------------------------------


def asked_wrongly(values, tmp_path):
    name = f"no {MARK}"
    return {
        "a file": lambda: ss.Corpus.read(tmp_path / f"{name}.txt"),
        "a format": lambda: ss.Corpus.read(write(tmp_path / f"{name}.doc", "x")),
        "an encoding": lambda: ss.Corpus.read(write(tmp_path / "a.txt", "x"), encoding=name),
        "a table": lambda: ss.Corpus.read(write(tmp_path / f"{name}.csv", "text,b\n1,2,3\n4\n")),
        "json": lambda: ss.Corpus.read(write(tmp_path / f"{name}.jsonl", f'{{"a": "{name}')),
        "an id": lambda: values["space"].most_similar(name),
        "a column": lambda: values["corpus"].filter(f'"{name}" > 1'),
        "a condition": lambda: values["corpus"].filter(f"year > '{name}'"),
        "a value": lambda: ss.load(tmp_path / name),
        "vectors": lambda: ss.read_vectors(write(tmp_path / f"{name}.vec", f"2 3\n{name} 1 2\n")),
        "a model": lambda: ss.Encoder.load(f"./{name}"),
        "a method": lambda: ss.cluster(values["space"], method=name),
        "a query": lambda: values["words"].query(f"{name} +"),
        "a folder": lambda: ss.save(values["corpus"], write(tmp_path / f"{name}.x", "x")),
    }


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


ASKED = (
    "a file", "a format", "an encoding", "a table", "json", "an id", "a column", "a condition", "a value", "vectors",
    "a model", "a method", "a query", "a folder",
)  # fmt: skip


@pytest.mark.parametrize("what", ASKED)
def test_messages_do_not_steer_a_terminal(values, tmp_path, what):
    with pytest.raises(SemspaceError) as caught:
        asked_wrongly(values, tmp_path)[what]()
    check_terminal(str(caught.value))


@pytest.mark.parametrize("kind", [SemspaceError, InputError, MissingFileError, UnknownIdError, SemspaceWarning])
def test_a_message_keeps_its_lines_and_loses_its_codes(kind):
    assert str(kind(f"one{RED}\ntwo\t{TURN}\r\x9b")) == "one·[31m\ntwo\t···"


# -- the shell -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame(0).write_parquet(f"a{MARK.replace('/', '')}.parquet")
    ss.save(values["space"], f"space {MARK}")
    ss.save(values["index"], f"index {MARK}")
    ss.save(values["clustering"], f"groups {MARK}")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["similar", f"space {MARK}", f"00{MARK}"],
        ["similar", f"space {MARK}", f"00{MARK}", "--json"],
        ["similar", f"space {MARK}", f"none {MARK}"],
        ["search", f"index {MARK}", f"00{MARK}"],
        ["info", f"space {MARK}"],
        ["info", f"index {MARK}"],
        ["info", f"groups {MARK}"],
        ["info", f"a{MARK}.parquet"],
        ["info", f"none {MARK}"],
        ["duplicates", f"index {MARK}"],
        ["cluster", f"space {MARK}", "-k", "2", "--out", f"out {MARK}"],
        ["outliers", f"space {MARK}"],
        ["search", f"index {MARK}", "x", "--where", f"year > '{MARK}'"],
        ["train", "word2vec", f"a{MARK}.parquet", f"--nothing={MARK}"],
        [f"{MARK}"],
    ],
    ids=lambda arguments: arguments[0][:6],
)
def test_the_shell_prints_no_codes_of_others(folder, capsys, arguments):
    with contextlib.suppress(SystemExit):
        main(arguments)
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        check_terminal(text.replace("\r", "\n"))
    assert printed.out or printed.err
