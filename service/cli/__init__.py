"""The command `instroom`: starts the service and does from a terminal what the HTTP interface does."""
