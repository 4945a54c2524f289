"""Elicitation: what experts state, as checked records, densities, feedback and a sealed ledger."""
