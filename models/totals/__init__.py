"""The total of several series of one country: how they depend on each other, draws paired, summed and stored."""
