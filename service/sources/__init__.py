"""Where realisations come from: Eurostat, KMI+ and declared deliveries, each turned into one checked table.

Everything here is a pure function from bytes to a DataFrame in delivery shape; storing is the caller's.
"""
