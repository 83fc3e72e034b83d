"""Bluesky and whatever else speaks the AT Protocol: its streams, and what they do not bring."""
