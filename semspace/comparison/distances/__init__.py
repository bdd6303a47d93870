"""How far apart corpora are: distances with p-values, intervals, and a scale to read them on."""
