"""Clusters and jobs."""
