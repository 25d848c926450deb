"""The page that shows one retrieval, and the other forms of an explanation.

Stands below `sift_retrievers.retrieval`: it is given plain values.
"""
