"""YouTube through its Data API v3, within the quota of a key."""
