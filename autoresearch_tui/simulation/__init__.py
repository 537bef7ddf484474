"""Whole studies on a virtual clock: the real engine and heart, with clusters that do not exist."""
