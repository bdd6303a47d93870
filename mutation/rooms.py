"""The numeric core of each room: its modules, and the test files that ought to notice a change of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """A part of the package.

    Attributes
    ----------
    modules : dict of str to tuple of str
        The path of each module under ``semspace/``, without ``.py``, and the names of its test files, without ``test_``
        and ``.py``.
    """

    name: str
    modules: dict[str, tuple[str, ...]]


def _all(names: str, *tests: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(names.split(), tests)


# Their kernels, and those that are compiled with them, take a processor more than half a minute at each change.
HEAVY = {
    "index/graph", "index/graph_search", "index/search_kernel", "words/cbow", "words/parallel", "inference/linear",
    "inference/row_operations",
}  # fmt: skip
ROOMS = (
    Room(
        "words",
        _all(
            "words/chunks words/row_layout words/sharding words/negative_sampling words/training_steps words/skipgram "
            "words/cbow words/parallel words/vocabulary",
            "word2vec",
        )
        | _all("words/subwords words/subword_kernel", "subwords")
        | _all("text/phrases text/phrase_kernel", "phrases"),
    ),
    Room(
        "vectors",
        _all(
            "queries top_rows similarity/matrix similarity/searching similarity/analogies similarity/pair_similarity "
            "similarity/byte_screen",
            "queries",
            "space",
            "calibration",
        )
        | _all("similarity/hub_correction", "corrections")
        | _all("geometry/hubness geometry/intrinsic_dimension geometry/isotropy geometry/neighborhoods", "geometry"),
    ),
    Room(
        "index",
        _all("index/sketches", "sketches")
        | _all("index/id_lookup", "id_lookup")
        | _all("index/insertion_log", "insertion_log")
        | _all("index/allowed_points", "allowed_points", "index_conditions")
        | _all(
            "index/beam_search index/search_kernel index/neighbor_selection index/graph_search index/graph",
            "hnsw",
            "index_single",
        )
        | _all("index/fusion", "hybrid")
        | _all("index/mmr index/recommendation", "index")
        | _all("index/difficulty", "index_difficulty")
        | _all("index/near_duplicates index/pair_screen", "join"),
    ),
    Room(
        "clusters",
        _all(
            "clusters/kmeans clusters/knn clusters/knn_graph clusters/knn_vote clusters/stability clusters/typicality "
            "clusters/ward clusters/hierarchy clusters/grouping clusters/distinct_points clusters/assignment",
            "clusters",
        )
        | _all("clusters/seeding clusters/term_counts clusters/keywords clusters/names", "cluster_words")
        | _all("clusters/ngrams clusters/boilerplate", "cluster_boilerplate")
        | _all("clusters/periods", "cluster_tables"),
    ),
    Room(
        "comparison",
        _all("statistics", "statistics")
        | _all(
            "comparison/contrasts/alignment comparison/contrasts/dispersion comparison/contrasts/null_distribution "
            "comparison/contrasts/word_counts comparison/contrasts/word_contrasts",
            "comparison_contrasts",
        )
        | _all(
            "comparison/contrasts/cluster_shares comparison/distances/frechet comparison/distances/pairwise "
            "comparison/distances/estimate comparison/distances/classifier two_sample/exchange_blocks "
            "two_sample/kernel_tests two_sample/pair_sums two_sample/topic_counts",
            "comparison_distances",
        )
        | _all(
            "comparison/overlap/minhash comparison/overlap/containment comparison/overlap/shingles "
            "comparison/overlap/counterparts",
            "comparison_overlap",
        )
        | _all(
            "comparison/profiles/estimates comparison/profiles/lexical comparison/profiles/mean_distance "
            "comparison/profiles/readability comparison/profiles/text_counts",
            "comparison_profiles",
        ),
    ),
    Room(
        "latent",
        _all("latent/pca latent/truncation latent/factor_analysis latent/learners", "latent_contract", "latent")
        | _all("latent/paths", "paths")
        | _all("latent/generation/mixture latent/generation/quality", "latent_generation")
        | _all("latent/bridge_maps latent/bridge_recall latent/residual_map latent/bridges", "latent_bridge")
        | _all("latent/firing latent/name_tests latent/dimension_names", "dimensions"),
    ),
    Room(
        "evaluation",
        _all(
            "evaluation/ties evaluation/rank_correlation evaluation/weighted evaluation/resampling "
            "evaluation/retrieval evaluation/analogies evaluation/analogy_kernel evaluation/categorization "
            "evaluation/clustering "
            "evaluation/pair_classification evaluation/word_pairs evaluation/sts evaluation/score_comparison "
            "evaluation/neighbor_labels",
            "evaluation",
            "evaluation_tasks",
            "evaluation_intervals",
        )
        | _all("calibration/fitting calibration/probability_curve calibration/reliability", "calibration"),
    ),
    Room(
        "encoders",
        _all("sentences/max_sim", "rerank", "token_states")
        | _all("sentences/numpy_runtime", "numpy_runtime")
        | _all("sentences/pooling", "encoder", "inference")
        | _all("sentences/word_average sentences/pool_kernel", "word_average", "static")
        | _all("inference/layers inference/linear inference/row_operations inference/packing", "inference")
        | _all("quantization/codec quantization/lookup quantization/numbers quantization/vectors", "quantization"),
    ),
    Room(
        "tokens",
        _all("text/normalization", "spelling")
        | _all("text/tokenize text/tokenize_kernel text/vocabulary", "tokens", "spelling")
        | _all("text/vocabulary_kernel text/tokens", "tokens", "spelling")
        | _all("text/sentences", "sentences")
        | _all("text/scripts text/token_lists", "tokens", "spelling")
        | _all("lexical/bm25 lexical/postings", "bm25")
        | _all("sentences/wordpiece_kernel", "compiled_wordpiece"),
    ),
)  # fmt: skip
