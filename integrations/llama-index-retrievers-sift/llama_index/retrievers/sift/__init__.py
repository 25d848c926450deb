"""SIFT among the LlamaIndex retrievers: holds no classes in this version."""
