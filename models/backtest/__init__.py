"""Rolling origins: forecasters and peers at past moments with what was known then, their scores and pools."""
