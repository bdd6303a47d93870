"""`Tokens` → a `Space` of words: the Word2Vec trainer and its engines. Knows nothing of transformers."""
