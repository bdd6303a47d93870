"""How many rows of a table a report shows; the rest is in the data beside it."""

ROWS = 200  # rows of a table that can be searched
ENDS = 20  # documents at either end of the witness
TEXT_ROWS = 50  # rows of a table that holds texts
TOP = 12  # clusters, or words, in a figure
