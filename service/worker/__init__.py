"""What runs in a worker process: claiming jobs, computing them on Dask, reporting. Only here is PyMC used."""
