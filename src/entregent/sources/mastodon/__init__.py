"""The Fediverse as one server sees it, through the API of Mastodon."""
