"""One router per resource of the HTTP contract; thin over `service.storage`, `priors` and `models`."""
