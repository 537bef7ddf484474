"""Statistics over domain objects: noise, verdicts. Pure functions, no I/O."""
