"""Tables and queries; nothing outside this package writes SQL."""
