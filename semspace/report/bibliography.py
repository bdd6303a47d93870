"""The publications that semspace's methods are taken from, as lines of a list and as BibTeX."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reference:
    """A publication.

    Parameters
    ----------
    kind : {"article", "inproceedings", "book", "misc"}
        The type of its BibTeX entry.
    authors : tuple of str
        Each as "Family, Given".
    year : int
    title : str
    venue : str
        The journal, the proceedings or the publisher.
    details : mapping of str to str
        More fields of BibTeX, such as volume and pages.
    """

    kind: str
    authors: tuple[str, ...]
    year: int
    title: str
    venue: str
    details: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How a text cites it, as "Gretton et al. 2012"."""
        families = [author.split(",")[0] for author in self.authors]
        names = " and ".join(families) if len(families) < 3 else f"{families[0]} et al."
        return f"{names} {self.year}"

    @property
    def line(self) -> str:
        """The publication as a line of a list of references."""
        names = [" ".join([_initials(given), family]) for family, given in (a.split(", ") for a in self.authors)]
        who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        volume, number = self.details.get("volume", ""), self.details.get("number", "")
        parts = [self.venue, volume + (f"({number})" if number else ""), self.details.get("pages", "")]
        return f"{who} ({self.year}). {self.title}. {', '.join(part for part in parts if part)}."

    def bibtex(self, key: str) -> str:
        """Return the entry for BibTeX or biber, in UTF-8."""
        place = {"article": "journal", "inproceedings": "booktitle", "book": "publisher", "misc": "howpublished"}
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            place[self.kind]: self.venue,
            "year": str(self.year),
            **self.details,
        }
        lines = "".join(f"  {name} = {{{_latex(value)}}},\n" for name, value in fields.items())
        return f"@{self.kind}{{{key},\n{lines}}}"


def _latex(text: str) -> str:
    return text.replace("&", "\\&").replace("–", "--")


def _initials(given: str) -> str:
    return " ".join(f"{name[0]}." for name in given.replace("-", " ").split())


REFERENCES = {
    "benjamini1995": Reference(
        "article", ("Benjamini, Yoav", "Hochberg, Yosef"), 1995,
        "Controlling the False Discovery Rate: A Practical and Powerful Approach to Multiple Testing",
        "Journal of the Royal Statistical Society: Series B", {"volume": "57", "number": "1", "pages": "289–300"},
    ),
    "bjornsson1968": Reference("book", ("Björnsson, Carl-Hugo",), 1968, "Läsbarhet", "Liber"),
    "broder1997": Reference(
        "inproceedings", ("Broder, Andrei Z.",), 1997, "On the Resemblance and Containment of Documents",
        "Compression and Complexity of SEQUENCES", {"pages": "21–29"},
    ),
    "campello2013": Reference(
        "inproceedings", ("Campello, Ricardo J. G. B.", "Moulavi, Davoud", "Sander, Joerg"), 2013,
        "Density-Based Clustering Based on Hierarchical Density Estimates",
        "Advances in Knowledge Discovery and Data Mining (PAKDD)", {"pages": "160–172"},
    ),
    "covington2010": Reference(
        "article", ("Covington, Michael A.", "McFall, Joe D."), 2010,
        "Cutting the Gordian Knot: The Moving-Average Type–Token Ratio (MATTR)",
        "Journal of Quantitative Linguistics", {"volume": "17", "number": "2", "pages": "94–100"},
    ),
    "dhillon2001": Reference(
        "article", ("Dhillon, Inderjit S.", "Modha, Dharmendra S."), 2001,
        "Concept Decompositions for Large Sparse Text Data Using Clustering",
        "Machine Learning", {"volume": "42", "pages": "143–175"},
    ),
    "domingoenrich2025": Reference(
        "misc", ("Domingo-Enrich, Carles", "Dwivedi, Raaz", "Mackey, Lester"), 2025, "Cheap Permutation Testing",
        "arXiv:2502.07672",
    ),
    "dowson1982": Reference(
        "article", ("Dowson, D. C.", "Landau, B. V."), 1982,
        "The Fréchet Distance between Multivariate Normal Distributions",
        "Journal of Multivariate Analysis", {"volume": "12", "number": "3", "pages": "450–455"},
    ),
    "dubossarsky2017": Reference(
        "inproceedings", ("Dubossarsky, Haim", "Weinshall, Daphna", "Grossman, Eitan"), 2017,
        "Outta Control: Laws of Semantic Change and Inherent Biases in Word Representation Models",
        "Proceedings of EMNLP", {"pages": "1136–1145"},
    ),
    "gretton2012": Reference(
        "article",
        ("Gretton, Arthur", "Borgwardt, Karsten M.", "Rasch, Malte J.", "Schölkopf, Bernhard", "Smola, Alexander"),
        2012, "A Kernel Two-Sample Test", "Journal of Machine Learning Research", {"volume": "13", "pages": "723–773"},
    ),
    "hamilton2016": Reference(
        "inproceedings", ("Hamilton, William L.", "Leskovec, Jure", "Jurafsky, Dan"), 2016,
        "Diachronic Word Embeddings Reveal Statistical Laws of Semantic Change",
        "Proceedings of ACL", {"pages": "1489–1501"},
    ),
    "hennig2007": Reference(
        "article", ("Hennig, Christian",), 2007, "Cluster-Wise Assessment of Cluster Stability",
        "Computational Statistics & Data Analysis", {"volume": "52", "number": "1", "pages": "258–271"},
    ),
    "kobak2019": Reference(
        "article", ("Kobak, Dmitry", "Berens, Philipp"), 2019, "The Art of Using t-SNE for Single-Cell Transcriptomics",
        "Nature Communications", {"volume": "10", "pages": "5416"},
    ),
    "liu2020": Reference(
        "article", ("Liu, Yaowu", "Xie, Jun"), 2020,
        "Cauchy Combination Test: A Powerful Test with Analytic p-Value Calculation under Arbitrary Dependency "
        "Structures",
        "Journal of the American Statistical Association", {"volume": "115", "number": "529", "pages": "393–402"},
    ),
    "lopezpaz2017": Reference(
        "inproceedings", ("Lopez-Paz, David", "Oquab, Maxime"), 2017, "Revisiting Classifier Two-Sample Tests",
        "International Conference on Learning Representations",
    ),
    "mcinnes2018": Reference(
        "misc", ("McInnes, Leland", "Healy, John", "Melville, James"), 2018,
        "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", "arXiv:1802.03426",
    ),
    "mikolov2013": Reference(
        "inproceedings",
        ("Mikolov, Tomas", "Sutskever, Ilya", "Chen, Kai", "Corrado, Greg S.", "Dean, Jeff"), 2013,
        "Distributed Representations of Words and Phrases and Their Compositionality",
        "Advances in Neural Information Processing Systems 26",
    ),
    "monroe2008": Reference(
        "article", ("Monroe, Burt L.", "Colaresi, Michael P.", "Quinn, Kevin M."), 2008,
        "Fightin' Words: Lexical Feature Selection and Evaluation for Identifying the Content of Political Conflict",
        "Political Analysis", {"volume": "16", "number": "4", "pages": "372–403"},
    ),
    "newcombe1998": Reference(
        "article", ("Newcombe, Robert G.",), 1998,
        "Interval Estimation for the Difference between Independent Proportions: Comparison of Eleven Methods",
        "Statistics in Medicine", {"volume": "17", "number": "8", "pages": "873–890"},
    ),
    "newcombe2006": Reference(
        "article", ("Newcombe, Robert G.",), 2006,
        "Confidence Intervals for an Effect Size Measure Based on the Mann–Whitney Statistic. Part 2: Asymptotic "
        "Methods and Evaluation",
        "Statistics in Medicine", {"volume": "25", "number": "4", "pages": "559–573"},
    ),
    "pearson1901": Reference(
        "article", ("Pearson, Karl",), 1901, "On Lines and Planes of Closest Fit to Systems of Points in Space",
        "Philosophical Magazine", {"volume": "2", "number": "11", "pages": "559–572"},
    ),
    "rayson2000": Reference(
        "inproceedings", ("Rayson, Paul", "Garside, Roger"), 2000, "Comparing Corpora Using Frequency Profiling",
        "The Workshop on Comparing Corpora", {"pages": "1–6"},
    ),
    "szekely2013": Reference(
        "article", ("Székely, Gábor J.", "Rizzo, Maria L."), 2013,
        "Energy Statistics: A Class of Statistics Based on Distances",
        "Journal of Statistical Planning and Inference", {"volume": "143", "number": "8", "pages": "1249–1272"},
    ),
    "traag2019": Reference(
        "article", ("Traag, Vincent A.", "Waltman, Ludo", "van Eck, Nees Jan"), 2019,
        "From Louvain to Leiden: Guaranteeing Well-Connected Communities",
        "Scientific Reports", {"volume": "9", "pages": "5233"},
    ),
    "vandermaaten2008": Reference(
        "article", ("van der Maaten, Laurens", "Hinton, Geoffrey"), 2008, "Visualizing Data using t-SNE",
        "Journal of Machine Learning Research", {"volume": "9", "pages": "2579–2605"},
    ),
    "venna2001": Reference(
        "inproceedings", ("Venna, Jarkko", "Kaski, Samuel"), 2001,
        "Neighborhood Preservation in Nonlinear Projection Methods: An Experimental Study",
        "Artificial Neural Networks (ICANN)", {"pages": "485–491"},
    ),
    "wang2021": Reference(
        "article", ("Wang, Yingfan", "Huang, Haiyang", "Rudin, Cynthia", "Shaposhnik, Yaron"), 2021,
        "Understanding How Dimension Reduction Tools Work: An Empirical Approach to Deciphering t-SNE, UMAP, TriMap, "
        "and PaCMAP for Data Visualization",
        "Journal of Machine Learning Research", {"volume": "22", "number": "201", "pages": "1–73"},
    ),
    "ward1963": Reference(
        "article", ("Ward, Joe H.",), 1963, "Hierarchical Grouping to Optimize an Objective Function",
        "Journal of the American Statistical Association", {"volume": "58", "number": "301", "pages": "236–244"},
    ),
    "wilson1927": Reference(
        "article", ("Wilson, Edwin B.",), 1927, "Probable Inference, the Law of Succession, and Statistical Inference",
        "Journal of the American Statistical Association", {"volume": "22", "number": "158", "pages": "209–212"},
    ),
    "zaremba2013": Reference(
        "inproceedings", ("Zaremba, Wojciech", "Gretton, Arthur", "Blaschko, Matthew"), 2013,
        "B-test: A Non-parametric, Low Variance Kernel Two-sample Test",
        "Advances in Neural Information Processing Systems 26",
    ),
}  # fmt: skip
