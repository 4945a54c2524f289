"""What the service starts with: a synthetic data set, labelled as such, and a published example edition."""
