"""Where posts come from: one folder a source."""
