"""`python -m sift_retrievers.cli`: the command, where its script is not on the path."""

from sift_retrievers.cli.main import main

main()
