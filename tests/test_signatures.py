"""One shape for each call: the same parameter has the same name, default and description everywhere."""

import inspect
import re

import pytest

import semspace as ss

# Parameter → its default wherever it is public. `...` stands for "required, or whatever the call needs".
DEFAULTS = {"seed": 0, "progress": True, "threads": None, "out": None, "init": None, "evaluator": None}
# Old or second names for the same thing → the name it has here.
OTHER_NAMES = {
    "into": "out", "split": "tokenizer", "long": "long_texts", "asked": "queries", "engine": "backend",
    "runtime": "backend", "random_state": "seed", "n_jobs": "threads", "workers": "threads",
    "verbose": "progress", "show_progress": "progress", "topn": "k", "depth": "k", "threshold": "min_score",
    "start": "init", "evaluate": "evaluator", "on": "tasks", "kind": "method", "n_neighbors": "k",
    "unit": "groups", "cuts": "bins",
}  # fmt: skip
# (call, parameter): what has the name for a good reason.
ALLOWED = {
    ("Clustering.plot", "kind"),  # which figure, as in pandas
    ("Comparison.plot", "kind"),
    ("Phrases", "threshold"),  # gensim's; of a score of collocations, which isn't a similarity
    ("sample_quality", "k"),  # 5, as in Naeem et al. (2020) and the numbers that others publish
    ("compare_generators", "k"),
    ("join", "k"),  # without it, all pairs that are near enough
    ("Retrieval.read", "split"),  # as in BEIR
    ("Outliers", "threshold"),  # of a score whose scale is that of the method
}
ODD_VERBS = {"Give", "Tell", "Make", "Put", "Walk", "Say", "Let", "Hold", "Bring", "Turn", "Take"}
PLUMBING = {"from_bundle", "write_into", "locate", "put", "stand", "prepare", "encode_block", "facts"}


def calls():
    """Yield the name and the function of everything public that can be called."""
    modules = (ss, ss.evaluation, ss.latent, ss.training)
    values = {
        name: getattr(module, name)
        for module in modules
        for name in getattr(module, "__all__", dir(module))
        if not name.startswith("_")
    }
    for name, value in values.items():
        is_error = inspect.isclass(value) and issubclass(value, (Exception, Warning))
        if inspect.ismodule(value) or not callable(value) or is_error or not value.__module__.startswith("semspace"):
            continue
        yield name, value
        if inspect.isclass(value):
            for attribute, member in vars(value).items():
                function = getattr(member, "__func__", member)
                if not attribute.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{attribute}", function


CALLS = dict(calls())


def parameters(name):
    try:
        return inspect.signature(CALLS[name]).parameters.values()
    except ValueError:  # made in C
        return ()


def deprecated(name):
    return "the name since version" in (inspect.getdoc(CALLS[name]) or "")


@pytest.mark.parametrize("name", ["Index.build", "Tokens.read", "Phrases", "Word2Vec", "cluster", "compare", "distill"])
def test_what_takes_long_shows_progress_and_can_be_limited(name):
    names = {parameter.name for parameter in parameters(name)}
    assert "threads" in names
    assert "progress" in names or name in ("Phrases", "Word2Vec")  # theirs is in `train`


def test_there_is_something_to_look_at():
    assert {"Space.most_similar", "cluster", "Encoder.embed", "Word2Vec", "evaluate"} <= set(CALLS)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_has_the_shape_of_all_others(name):
    a_parameter_means_the_same_everywhere(name)
    k_is_a_number_of_neighbours(name)
    if not deprecated(name):
        documented_in_plain_words(name)
    if "." not in name or CALLS[name].__doc__:
        documented_parameters_are_those_of_the_signature(name)


def a_parameter_means_the_same_everywhere(name):
    for parameter in parameters(name):
        if parameter.name in DEFAULTS:
            assert parameter.default in (DEFAULTS[parameter.name], inspect.Parameter.empty), parameter.name
        if (name, parameter.name) not in ALLOWED:
            assert parameter.name not in OTHER_NAMES, f"{parameter.name} is called {OTHER_NAMES[parameter.name]}"


def k_is_a_number_of_neighbours(name):
    for parameter in parameters(name):
        given = parameter.default is not inspect.Parameter.empty and (name, "k") not in ALLOWED
        if parameter.name == "k" and given:
            assert parameter.default == 10


def documented_in_plain_words(name):
    text = inspect.getdoc(CALLS[name])
    assert text, "no docstring"
    assert text.split()[0].rstrip(".,:") not in ODD_VERBS


def documented_parameters_are_those_of_the_signature(name):
    text = inspect.getdoc(CALLS[name]) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, flags=re.S | re.M)
    if section is None:
        return
    documented = re.findall(r"^(\*{0,2}\w[\w, *]*?)(?: :.*)?$", section[1], flags=re.M)
    names = {word.strip().lstrip("*") for line in documented for word in line.split(",")}
    assert names <= {parameter.name for parameter in parameters(name)} | keywords(name)


def keywords(name):
    """Return the names of options that go on to something else (``**options``) and are documented here."""
    takes_more = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters(name))
    return set(re.findall(r"\w+", inspect.getdoc(CALLS[name]) or "")) if takes_more else set()


def test_plumbing_is_not_public():
    public = {name.partition(".")[2] for name in CALLS}
    assert public.isdisjoint(PLUMBING)


def test_tables_come_out_by_one_name():
    frames = {name for name in CALLS if "DataFrame" in str(getattr(CALLS[name], "__annotations__", {}).get("return"))}
    assert {"Clustering.to_frame", "Neighbors.to_frame"} <= frames
    assert not [
        name for name in frames if name.endswith((".table", ".as_frame", ".to_polars")) and not deprecated(name)
    ]
