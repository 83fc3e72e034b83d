"""The team: who works here, as what, and what they did."""
