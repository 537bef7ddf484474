"""The asyncio loops that make a study go: scheduling, watching, judging, obeying."""
