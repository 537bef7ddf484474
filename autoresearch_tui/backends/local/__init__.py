"""The slots of this machine: one supervisor each, which outlives the engine."""
