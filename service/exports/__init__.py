"""A finished forecast as a file: one record of its tables and quantiles, and one module per format that writes it."""
