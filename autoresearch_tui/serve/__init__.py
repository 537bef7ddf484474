"""Servers by which others reach a study."""
