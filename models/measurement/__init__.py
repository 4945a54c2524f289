"""Two sources as two measurements of one flow: how far they differ, how complete recent months are, what both say."""
