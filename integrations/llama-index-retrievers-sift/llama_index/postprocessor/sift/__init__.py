"""SIFT among the LlamaIndex postprocessors: holds no classes in this version."""
