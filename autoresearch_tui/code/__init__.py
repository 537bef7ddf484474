"""Source text: edits, constants and the search space, as functions of values."""
