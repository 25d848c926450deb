"""`sift`, the command: `pip install 'sift-retrievers[cli]'`, then `sift --help`.

What the subcommands compute stands here and needs numpy alone; `commands` holds the command line.
"""
