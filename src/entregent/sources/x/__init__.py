"""X through its API v2, with what it costs."""
