"""Names of gensim, sentence-transformers and other libraries, each answered by one sentence with the right name.

The tables map a name to what it is called here, or to a sentence. A name that is in no table is Python's own error.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from semspace.errors import UnknownAttributeError, UnknownParameterError

T = TypeVar("T")

_GIVE_TEXT = "it holds the settings; give the text to train: {name}(...).train(text)"
_DEVICE = "the device is the backend's: backend='torch' computes on a GPU if there is one"
_COUNTED = "the text is counted first; leave it out"
_BLOCKS = "texts are encoded in blocks, whose size the encoder chooses; leave it out"
_SEARCH = {"topn": "k", "top_k": "k", "n_results": "k", "limit": "k", "n_neighbors": "k"}
_FRAME = {
    "text_column": "text", "text_col": "text", "column": "text", "id_column": "id", "id_col": "id", "index_col": "id",
    "drop_empty": "pass empty='drop' to leave out documents without text",
}  # fmt: skip
_DTYPE = "the backend chooses the arithmetic: pass backend='fast' for int8, 'exact' or 'torch' for float32"
_LOCAL = "the cache is looked at first; download the model beforehand, and give its folder"
_MODEL = {
    "device": _DEVICE, "model_name_or_path": "name", "model_name": "name", "model": "name",
    "max_seq_length": "max_tokens", "max_length": "max_tokens",
    "trust_remote_code": "code that comes with a model is never run; leave it out",
    "truncate_dim": "pass truncate_dim= to encode", "prompts": "pass prompt= to encode",
    "default_prompt_name": "pass prompt_name= to encode", "dtype": _DTYPE, "torch_dtype": _DTYPE,
    "precision": "pass precision= to encode", "model_kwargs": _DTYPE, "quantize": _DTYPE,
    "cache_folder": _LOCAL, "local_files_only": _LOCAL, "revision": _LOCAL, "token": _LOCAL,
}  # fmt: skip

# Call → parameter → what it is called here, or a sentence.
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "Word2Vec": {
        "vector_size": "dim", "size": "dim", "negative": "negatives", "iter": "epochs", "alpha": "learning_rate",
        "workers": "threads", "n_jobs": "threads", "random_state": "seed",
        "sg": "pass architecture='skipgram' for sg=1, or architecture='cbow' for sg=0",
        "hs": "words are learnt by negative sampling alone; leave it out",
        "min_alpha": "the learning rate decreases to nearly zero; leave it out",
        "ns_exponent": "the exponent is 0.75; leave it out",
        "cbow_mean": "CBOW takes the mean; leave it out",
        "compute_loss": "the loss is always computed; see the history of the result",
        "callbacks": "pass evaluator= to train for a score after each epoch",
        "min_n": "pass subword=Subwords(minn=3, maxn=6)", "max_n": "pass subword=Subwords(minn=3, maxn=6)",
        "bucket": "pass subword=Subwords(buckets=...)",
        "sentences": _GIVE_TEXT.format(name="Word2Vec"), "corpus_file": _GIVE_TEXT.format(name="Word2Vec"),
    },
    "Word2Vec.train": {
        "sentences": "text", "corpus_iterable": "text", "start_alpha": "pass learning_rate= to Word2Vec",
        "corpus_file": "pass Tokens.read(path) as the text", "epochs": "pass epochs= to Word2Vec",
        "total_examples": _COUNTED, "total_words": _COUNTED,
    },
    "Phrases": {
        "sentences": _GIVE_TEXT.format(name="Phrases"), "common_terms": "connector_words",
        "max_vocab_size": "max_vocabulary", "progress_per": "pass progress= to train",
    },
    "Space.most_similar": {**_SEARCH, "restrict_vocab": "restrict"},
    "Space.most_similar_batch": {**_SEARCH, "restrict_vocab": "restrict"},
    "Space.query": {**_SEARCH, "restrict_vocab": "restrict"},
    "Space.analogy_batch": {**_SEARCH, "restrict_vocab": "restrict"},
    "Space.analogy": {
        **_SEARCH, "restrict_vocab": "restrict", "positive": "use most_similar(positive=[b, c], negative=[a])",
        "negative": "use most_similar(positive=[b, c], negative=[a])",
    },
    "SearchMethods.search": {**_SEARCH, "filter": "where", "query_text": "query", "top": "k"},
    "SearchMethods.search_batch": {**_SEARCH, "filter": "where"},
    "Encoder.load": _MODEL,
    "SparseEncoder.load": {**_MODEL, "max_active_dims": "pass max_active_dims= to encode"},
    "TransformerEncoder.encode_tokens": {
        "batch_size": _BLOCKS, "chunk_size": _BLOCKS, "device": _DEVICE, "task": "take a side: encoder.sides[task]",
        "truncate_dim": "states have all dimensions; leave it out",
        "convert_to_numpy": "states are arrays; leave it out",
        "convert_to_tensor": "states are arrays: torch.from_numpy(found.states)",
        "show_progress_bar": "it shows no bar; leave it out", "normalize": "normalize_embeddings",
    },
    "Encoder.embed": {
        "batch_size": _BLOCKS, "chunk_size": _BLOCKS, "show_progress_bar": "progress", "device": _DEVICE,
        "normalize_embeddings": "a space scales vectors where the metric needs it; leave it out",
        "convert_to_numpy": "the result is a Space, whose vectors are an array; leave it out",
        "convert_to_tensor": "the result is a Space; encode(texts, convert_to_tensor=True) returns a tensor",
    },
    "cluster": {
        "nr_topics": "n_clusters", "num_topics": "n_clusters", "n_topics": "n_clusters", "n_components": "n_clusters",
        "vectorizer_model": "vectorizer", "n_gram_range": "ngrams", "ngram_range": "ngrams",
        "representation_model": "namer", "seed_topic_list": "seed_words", "random_state": "seed", "n_jobs": "threads",
        "min_topic_size": "pass granularity=0.5 for half as many groups, or method='hdbscan', min_cluster_size=10",
        "embedding_model": "it takes a Space: cluster(semspace.Encoder.load(name).embed(corpus))",
        "embeddings": "it takes a Space: Space.from_vectors(ids, vectors)",
        "umap_model": "vectors are grouped as they are; leave it out",
        "hdbscan_model": "use method='hdbscan'",
    },
    "Corpus.read": {**_FRAME, "sep": "separator", "delimiter": "separator", "names": "columns"},
    "Corpus.from_frame": _FRAME,
    "outliers": {
        "contamination": "share", "n_neighbors": "give k=20 with method='knn' or 'lof'", "random_state": "seed",
        "n_jobs": "threads",
    },
    "project": {"n_neighbors": "the method chooses its neighbours; leave it out", "random_state": "seed"},
}  # fmt: skip

_TRAINED = "train returns a Space with the word vectors: words = Word2Vec(...).train(text)"
_MODELLED = "train returns a model, which encodes and decodes: model = PCA(...).train(space); model.encode(space)"
# Class → attribute → what it is called here, or a sentence.
ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "Word2Vec": {
        "fit": "train", "fit_transform": "train", "wv": _TRAINED, "most_similar": _TRAINED, "vectors": _TRAINED,
        "build_vocab": "train counts the words itself; leave it out", "save": _TRAINED, "vector_size": "dim",
        "workers": "threads",
    },
    "Phrases": {
        "fit": "train", "freeze": "train returns a PhraseModel, which is frozen; leave it out",
        "add_vocab": "train", "export_phrases": "find them with train(text).to_frame()",
        "find_phrases": "find them with train(text).to_frame()",
    },
    "Space": {
        "wv": "the space has the word vectors itself; leave out .wv", "doesnt_match": "odd_one_out",
        "index_to_key": "ids", "index2word": "ids", "index2entity": "ids", "vocab": "ids", "key_to_index": "ids",
        "vector_size": "dim", "shape": "vectors.shape", "embeddings": "vectors", "get_normed_vectors": "vectors",
        "get_vector": "a vector is space[id]", "word_vec": "a vector is space[id]",
        "similar_by_word": "most_similar", "similar_by_vector": "most_similar", "similar_by_key": "most_similar",
        "most_similar_cosmul": "use analogy(a, b, c, method='3cosmul')", "cosine_similarities": "similarity",
        "evaluate_word_pairs": "use semspace.evaluate(space, ['wordsim353'])",
        "evaluate_word_analogies": "use semspace.evaluate(space, ['google-analogies'])",
        "save_word2vec_format": "use semspace.write_vectors(space, path)",
        "search": "use most_similar, or Index.build(space).search", "metadatas": "metadata",
    },
    "Encoder": {
        "get_sentence_embedding_dimension": "dim", "get_embedding_dimension": "dim", "embed_query": "encode_queries",
        "embed_documents": "encode_documents", "fit": "train encoders with semspace.EncoderTrainer",
        "train": "train encoders with semspace.EncoderTrainer", "tokenize": "encode_tokens",
        "encode_multi_process": "encode",
    },
    "Index": {
        "query": "search", "similarity_search": "search", "add_items": "add", "add_texts": "add",
        "mark_deleted": "delete", "remove": "delete", "knn": "search", "get_nns_by_vector": "search",
        "reload": "refresh",
    },
    "Corpus": {
        "drop_duplicates": "deduplicate", "unique": "deduplicate", "to_polars": "to_frame", "documents": "texts",
        "shape": "the number of documents is len(corpus), the columns are corpus.columns",
    },
    "LatentTrainer": {"fit": "train", **dict.fromkeys(("fit_transform", "transform", "inverse_transform"), _MODELLED)},
    "LatentModel": {
        "transform": "encode", "inverse_transform": "decode", "predict": "encode", "score_samples": "score",
        "fit": "a model is trained; train another one, with PCA(...).train(space)", "n_components_": "dim",
        "components_": "a PCAModel has components", "mean_": "a PCAModel has mean",
        "explained_variance_ratio_": "a PCAModel has explained_variance_ratio, that of all components together",
    },
    "Clustering": {
        "get_topic_info": "to_frame", "get_document_info": "documents", "get_topics": "keywords",
        "get_topic": "keywords", "get_representative_docs": "representative", "topics_": "labels", "labels_": "labels",
        "topic_labels_": "names", "probabilities_": "membership", "transform": "assign", "predict": "assign",
        "approximate_predict": "assign", "partial_fit": "update", "topics_over_time": "over_time",
        "topics_per_class": "per_class", "reduce_topics": "coarsen", "merge_topics": "merge",
        "set_topic_labels": "rename", "hierarchical_topics": "tree", "cluster_centers_": "centers",
        "reduce_outliers": "every point has a group, unless cluster(outliers=...) leaves a share out",
        "visualize_topics": "plot", "visualize_documents": "plot", "visualize_barchart": "use plot('sizes')",
        "visualize_hierarchy": "use plot('hierarchy')", "visualize_topics_over_time": "use plot('time')",
        "to_pandas": "use names_of(ids) for a column of your own table, or documents() for all columns",
    },
    "semspace": {
        "SentenceTransformer": "Encoder.load", "load_encoder": "Encoder.load", "load_model": "Encoder.load",
        "KeyedVectors": "read_vectors", "load_word2vec_format": "read_vectors",
        "FastText": "use semspace.Word2Vec(subword=True)",
        "Doc2Vec": "encode documents with semspace.Encoder.load(name).embed(corpus)",
        "Phraser": "PhraseModel", "BERTopic": "cluster", "HDBSCAN": "use semspace.cluster(space, method='hdbscan')",
        "read": "Corpus.read", "read_csv": "Corpus.read", "read_corpus": "Corpus.read",
        "embed": "use semspace.Encoder.load(name).embed(corpus)",
        "encode": "use semspace.Encoder.load(name).encode(texts)",
        "search": "use semspace.Index.build(space).search(query)", "cos_sim": "Encoder.similarity",
        "max_sim": "use semspace.MaxSim(encoder).score(query, texts)",
        "tokenize": "Tokens.from_corpus", "simple_preprocess": "Tokens.from_corpus",
        **{
            name: f"latent.{name}"
            for name in ("PCA", "FactorAnalysis", "Autoencoder", "VAE", "GAN", "SparseAutoencoder", "GaussianMixture")
        },
        "WEAT": "weat", "RND": "relative_norm_distance", "IsolationForest": "outliers",
        "LocalOutlierFactor": "outliers",
        "UMAP": "use semspace.project(space, method='umap')", "TSNE": "use semspace.project(space, method='tsne')",
    },
}  # fmt: skip


def answers_peer_parameters(target: T) -> T:
    """Decorate a function or the constructor of a class: it answers the parameters in `PARAMETERS`."""
    named: Any = target
    if isinstance(named, type):
        named.__init__ = _answering(named.__init__, named.__name__)  # type: ignore[misc]
        return target
    answering: Any = _answering(named, named.__qualname__)
    return answering  # type: ignore[no-any-return]


def _answering(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    table = PARAMETERS[name]
    shown = name.replace("SearchMethods", "Index")
    is_settings = name in ("Word2Vec", "Phrases")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for parameter in kwargs:
            if parameter in table:
                raise UnknownParameterError(f"{shown} has no parameter {parameter}=; {_remedy(table[parameter], '=')}")
        if is_settings and len(args) > 1:
            raise UnknownParameterError(f"{name} takes its settings by name; {_GIVE_TEXT.format(name=name)}")
        return function(*args, **kwargs)

    return wrapper


def answers_peer_attributes(target: T) -> T:
    """Decorate a class: its values answer the attributes in `ATTRIBUTES`."""
    name = target.__name__  # type: ignore[attr-defined]

    def getattr_(self: Any, attribute: str) -> Any:
        if hasattr(type(self), attribute):  # a property that raised AttributeError, which is the one to see
            return object.__getattribute__(self, attribute)
        raise unknown_attribute(f"{type(self).__name__!r} object", name, attribute)

    setattr(target, "__getattr__", getattr_)  # noqa: B010
    return target


def unknown_attribute(what: str, name: str, attribute: str) -> AttributeError:
    """Return the error for an attribute that a class or module doesn't have."""
    missing = f"{what} has no attribute {attribute!r}"
    answer = ATTRIBUTES[name].get(attribute)
    if answer is None:
        return AttributeError(missing)
    prefix = "semspace." if name == "semspace" else ""
    return UnknownAttributeError(f"{missing}; {_remedy(answer, '', prefix)}")


def _remedy(answer: str, mark: str, prefix: str = "") -> str:
    """Return a sentence as it is, and a name with what it is."""
    return answer if " " in answer else f"it is called {prefix}{answer}{mark} here"
