"""Whole jobs: the only place where sources, the store and analyses meet."""
