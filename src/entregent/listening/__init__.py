"""Watches: one query language, posts matched to watches, series of counts, alerts within a budget."""
