"""Files that somebody else writes, followed as they grow and as new ones come."""
