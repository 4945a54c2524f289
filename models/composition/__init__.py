"""Shares by nationality: months and years as one sequence of splits, fitted, and simulated into whole persons."""
