"""The schema's history, one file a step; run by the server whenever it starts."""
