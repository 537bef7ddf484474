"""Serves a study to other programs and machines."""
