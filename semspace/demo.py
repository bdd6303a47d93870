"""The main job, once through: from text to answers, offline, on real texts that arrive inside wheels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.clusters.stability import HOLDS, STABLE, in_words
from semspace.comparison.compare import compare
from semspace.corpora import load as load_corpus
from semspace.display import clip
from semspace.errors import ExistsError, MissingExtraError, SemspaceWarning
from semspace.evaluation.evaluate import evaluate
from semspace.files import write_text
from semspace.index.index import Index
from semspace.replacement import is_bundle
from semspace.report import Page, Prose, Section, Table, bars, to_html
from semspace.sentences.encoder import Encoder
from semspace.sentences.model_files import install_command, installed_model
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.words.word2vec import Word2Vec

MODEL = "all-MiniLM-L6-v2"
QUESTIONS = ("storms and flooding", "who won the cricket", "interest rates and jobs")
_LIBRARIES = ("gensim", "safetensors", "tokenizers")  # those of the extra `demo` that every step relies on
_PROBES = ("government", "france", "philosophy")
_ANALOGY = ("germany", "german", "france")


class Step(NamedTuple):
    """What a step found: one line for the terminal, plain values for machines, sections for the report."""

    line: str
    plain: dict[str, Any]
    sections: tuple[Section, ...]


@dataclass
class _Tour:
    """Says each step's title before its work, so that a reader knows what is waited for, and collects what comes."""

    say: Callable[[str], object]
    plain: dict[str, Any] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    def title(self, text: str) -> None:
        self.say(text)

    def found(self, step: Step) -> None:
        self.say(f"  {step.line}\n")
        self.plain.update(step.plain)
        self.sections.extend(step.sections)


def run(out: Path, *, say: Callable[[str], object]) -> dict[str, Any]:
    """Run every step, saying what comes out, and write the report and the saved values into `out`."""
    if is_bundle(out):
        raise ExistsError(f"{out} is a saved semspace value; choose another folder for the demo's results")
    started = perf_counter()
    tour = _Tour(say)
    tour.title("semspace demo: from text to answers, offline, on real texts\n")

    encoder = _open_model()

    tour.title("1  Word2Vec, trained on 106 Wikipedia articles")
    words = Word2Vec(dim=100, window=10, epochs=20, seed=7).train(load_corpus("wikipedia-sample"))
    words.save(out / "words.space", overwrite=True)
    tour.found(words_step(words))

    tour.title(f"2  The same words through a transformer ({MODEL})")
    tour.found(encoder_step(words, encoder))

    tour.title("3  News articles as vectors")
    with _notes() as notes:
        docs = encoder.embed(load_corpus("lee")), encoder.embed(load_corpus("lee-background"))
    tour.found(documents_step(docs, notes))

    tour.title("4  Questions in plain words, answered by an HNSW index")
    index = Index.build(docs[1], "hnsw")
    index.save(out / "news.index", overwrite=True)
    tour.found(search_step(index))

    tour.title("5  Groups of articles")
    groups = cluster(docs[1])
    groups.save(out / "news.groups", overwrite=True)
    tour.found(groups_step(groups))

    tour.title("6  Two newsgroups of 1993, compared")
    tour.found(compare_step(load_corpus("newsgroups-sample"), encoder))

    tour.title("7  Agreement with people")
    tour.found(people_step(docs[0]))

    report = write_text(out / "report.html", to_html(_page(tour.sections)))
    seconds = perf_counter() - started
    say(f"Report: {report} (one file; open it in a browser)\nDone in {seconds:.0f} s. Next, try:")
    say(f"  semspace similar {out / 'words.space'} philosophy\n  semspace search {out / 'news.index'} 'bush fires'")
    return {**tour.plain, "report": str(report), "seconds": round(seconds, 1)}


def _open_model() -> Encoder:
    """Open the encoder before anything is computed; if something isn't installed, name the one command that helps."""
    missing = [library for library in _LIBRARIES if find_spec(library) is None]
    if missing:
        model = "" if installed_model(MODEL) else f" && {install_command(MODEL)}"
        raise MissingExtraError(
            f"the demo needs {', '.join(_LIBRARIES)}; not installed: {', '.join(missing)}; "
            f"pip install 'semspace[demo]'{model}"
        )
    return Encoder.load(MODEL)


def _page(sections: Sequence[Section]) -> Page:
    return Page(
        "semspace: from text to answers",
        "A short tour on real texts: words, questions, groups, a comparison, and how reliable the results are.",
        tuple(sections),
        "Texts: a slice of English Wikipedia, the Lee news corpus and a sample of 20 Newsgroups, all inside gensim.",
    )


def words_step(words: Space) -> Step:
    """Show neighbours and the agreement with people's ratings."""
    score = evaluate(words, "wordsim353")["wordsim353"]
    near = {word: list(words.most_similar(word, 5).ids) for word in _PROBES}
    shown = "\n  ".join(f"{word}: {', '.join(ids)}" for word, ids in near.items())
    line = (
        f"{len(words):,} words; nearest to\n  {shown}\n  WordSim-353: {score.value:.2f} (rank correlation with "
        f"people's ratings of {score.used} word pairs; 1 would be perfect)"
    )
    table = Table(("word", "nearest, by Word2Vec"), [(word, ", ".join(ids)) for word, ids in near.items()])
    said = Prose(
        f"Trained in seconds on 0.48 million words, the vectors rank word pairs much as people do: "
        f"{score.value:.2f} on WordSim-353, over the {score.used} of {score.total} pairs whose words are known."
    )
    method = (
        "Skip-gram with negative sampling, 100 dimensions, window 10, 20 epochs. So little text gives neighbours, not "
        "analogies: those need tens of millions of words."
    )
    plain = {"wordsim353": score.value, "wordsim353_pairs": score.used, "words": len(words), "neighbours": near}
    return Step(line, plain, (Section("Words, learnt from text", (said, table), method),))


def encoder_step(words: Space, encoder: Encoder) -> Step:
    """Encode the vocabulary with a transformer, and print the words nearest to unseen text."""
    ids = words.ids.tolist()
    space = encoder.embed(Corpus.from_texts(ids, ids=ids))
    similarity = space.similarity("happy", "joyful")
    best = space.most_similar("happy", 3)
    found = space.analogy(*_ANALOGY, k=3)
    a, b, c = _ANALOGY
    known = "" if "joyful" in space else ", though joyful isn't among the words"
    line = (
        f"happy and joyful: {similarity:.2f}{known}; nearest of all {len(space):,}: {best[0][0]} ({best[0][1]:.2f})\n"
        f"  {a} is to {b} as {c} is to: {found[0][0]}"
    )
    rows = [
        ("happy ~ joyful", f"cosine {similarity:.2f}"),
        ("nearest to happy", ", ".join(f"{id} {score:.2f}" for id, score in best)),
        (f"{a} : {b} = {c} : ?", ", ".join(f"{id} {score:.2f}" for id, score in found)),
    ]
    method = (
        f"Each word is encoded as a text by {encoder.name}. The analogy is 3CosAdd over the same {len(space):,} words."
    )
    plain = {"happy_joyful": similarity, "analogy": found[0][0]}
    return Step(
        line, plain, (Section("The same words, by a transformer", (Table(("question", "answer"), rows),), method),)
    )


def documents_step(docs: tuple[Space, Space], notes: list[str]) -> Step:
    """Print how many texts were encoded, and how many were truncated."""
    count = sum(map(len, docs))
    cut = sum(space.provenance["truncated"] for space in docs)
    line = f"{' and '.join(str(len(space)) for space in docs)} articles in {docs[0].dim} dimensions"
    line += "".join(f"\n  note: {note}" for note in notes)
    return Step(line, {"documents": count, "truncated": cut}, ())


def search_step(index: Index) -> Step:
    """Answer the questions."""
    answers = dict(zip(QUESTIONS, index.search_batch(QUESTIONS, 3), strict=True))
    rows = [
        (q, id, score, clip(text, 160)) for q, found in answers.items() for id, score, text in found.to_frame().rows()
    ]
    line = "\n  ".join(f"{q}? {clip(str(found.to_frame()['text'][0]), 85)}" for q, found in answers.items())
    table = Table(("question", "id", "cosine", "article"), rows)
    said = Prose("The articles need not hold a word of the question: they are found by what they mean.")
    method = f"{index!r}. An HNSW index finds about the nearest points, not for certain the nearest."
    plain = {"answers": {q: list(found.ids) for q, found in answers.items()}}
    return Step(line, plain, (Section("Questions in plain words", (said, table), method),))


def groups_step(groups: Clustering) -> Step:
    """Name the groups."""
    shown = "; ".join(f"{name} ({size})" for name, size in zip(groups.names, groups.sizes, strict=True))
    line = f"{shown}\n  {in_words(groups.stability)}"
    rows = [
        (name, int(size), float(held), ", ".join(words))
        for name, size, held, words in zip(groups.names, groups.sizes, groups.stability, groups.keywords, strict=True)
    ]
    figure = bars(groups.names, groups.sizes.tolist(), caption="Articles in each group.")
    table = Table(("group", "articles", "stability", "words it uses more than the others"), rows)
    method = (
        "Leiden on the network of each article's nearest neighbours; of the numbers of groups that a person might "
        "choose, the one whose groups come back in samples. Stability is how much of a group comes back when a fifth "
        f"of the articles is left out: a group is stable from {STABLE:g}, uncertain from {HOLDS:g}, unreliable below."
    )
    plain = {"groups": dict(zip(groups.names, groups.sizes.tolist(), strict=True))}
    return Step(line, plain, (Section("Groups of articles", (figure, table), method),))


def compare_step(posts: Corpus, encoder: Encoder) -> Step:
    """Compare the newsgroups of a corpus of posts."""
    found = compare(posts, by="newsgroup", encoder=encoder, words=False)
    verdict = Prose(found.verdict(), strong=True)
    first, *rest = found.page().sections
    told = (Section(first.title, (verdict, *first.blocks), first.method), *rest)
    sections = tuple(replace(section, title=f"Two corpora: {section.title.lower()}") for section in told)
    plain = {"verdict": found.verdict(), "mmd_p_value": found.distance("mmd").p_value}
    return Step(found.verdict(), plain, sections)


def people_step(docs: Space) -> Step:
    """Compare the similarities with human ratings."""
    score = evaluate(docs, "lee-documents")["lee-documents"]
    meaning = (
        f"{score.value:.2f} is the rank correlation (Spearman) of our similarities with people's, over {score.used:,} "
        f"pairs of articles: 0 would be guessing, 1 the same order. People disagree with each other, so the "
        f"largest possible value is below 1."
    )
    method = (
        "Lee, Pincombe and Welsh (2005) had 83 students rate pairs of 50 short news texts; each pair has the mean of "
        "about ten ratings. Most pairs have nothing to do with each other, and their order is largely chance."
    )
    return Step(meaning, {"lee_spearman": score.value}, (Section("Agreement with people", (Prose(meaning),), method),))


@contextmanager
def _notes() -> Iterator[list[str]]:
    """Collect warnings as notes to be told in their place."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SemspaceWarning)
        yield notes
        notes.extend(str(warning.message) for warning in caught if warning.category is SemspaceWarning)
