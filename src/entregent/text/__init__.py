"""One reading of texts for search, matching, language and likeness."""
