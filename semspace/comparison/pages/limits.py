"""How much of a table a report shows; the rest is in the data beside it."""

ROWS = 200  # of a table that can be searched
ENDS = 20  # documents at either end of the witness
PAIRED = 50  # rows that hold texts
TOP = 12  # groups, or words, in a figure
