"""A terminal instrument for autonomous ML research."""

__version__ = "0.1.0"
