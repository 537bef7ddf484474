"""`python -m autoresearch_tui` is the command `autoresearch-tui`."""

from autoresearch_tui.cli import main

main()
