"""Clusters that SkyPilot brings up, on any infrastructure that it reaches."""
