"""Word vectors of other tools, from files and to files: word2vec, GloVe, fastText, gensim."""
