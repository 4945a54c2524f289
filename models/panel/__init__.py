"""All countries in one fit: the panel's series, its density, hyperparameters partially pooled, and its paths."""
