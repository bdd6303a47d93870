"""How many rows of a table a report shows; the rest is in the data beside it."""

ROWS = 200  # rows of a table that can be searched
ENDS = 20  # documents at either end of the witness
TEXT_ROWS = 50  # rows of a table that holds texts
TOP = 12  # clusters, or words, in a figure
CANDIDATES = 12  # words that may have changed their meaning, where none is significant
EXAMPLE_WORDS, EXAMPLE_SENTENCES = 5, 2  # words with example sentences, and how many of each corpus
