"""Points on a server: what the collections of Milvus, Qdrant and pgvector share, and the latter two."""
