"""Where computations run: processes of a local Dask cluster, or those of the scheduler at INSTROOM_SCHEDULER.

Every computation has a process to itself. One that must stop is asked first: its process stays, with the models
it has compiled. Compiled code cannot be asked; then the process is killed and its nanny starts another.
Must not know jobs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, Future, LocalCluster, Nanny

from service.worker.progress import stop

CORES_PER_FIT = 2
_DASK = {
    # A task whose process died is the job table's to try again, not the scheduler's.
    "distributed.scheduler.allowed-failures": 0,
    # A killed process that a busy machine is slow to replace must not be given up.
    "distributed.deploy.lost-worker-timeout": "1 hour",
    # PyMC's own sampler starts processes, which a daemon may not.
    "distributed.worker.daemon": False,
    # Memory-mapped draws and compiled models are not Dask's to spill or to pause for.
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.pause": False,
    "distributed.admin.tick.limit": "30s",
}


@contextmanager
def open_cluster(scheduler: str | None, processes: int | None = None) -> Iterator[Client]:
    """A client of the cluster to compute on; a local one lives as long as the block."""
    with dask.config.set(_DASK):
        if scheduler is not None:
            with Client(scheduler, set_as_default=False, name="instroom") as client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=processes or max(1, (os.cpu_count() or 1) // CORES_PER_FIT),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                # A free port of this machine: the default one belongs to whoever came first.
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                memory_limit=0,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def slots(client: Client) -> int:
    """How many computations run at once: one for each process of the cluster."""
    return len(client.scheduler_info(n_workers=-1)["workers"])


def ask_to_stop(client: Client, future: Future, token: str) -> None:
    """Let the computation end at its next report of progress."""
    if addresses := _processes_of(client, future):
        client.run(stop, token, workers=addresses, on_error="ignore")


def end_process(client: Client, future: Future) -> None:
    """Stop a running task for good: its process is killed, and its nanny starts a fresh one."""
    addresses = _processes_of(client, future)
    future.cancel()
    if addresses:
        client.run(_kill, workers=addresses, nanny=True, on_error="ignore")


def _processes_of(client: Client, future: Future) -> list[str]:
    return [address for address, keys in client.processing().items() if future.key in keys]


def _kill(dask_worker: Nanny) -> None:
    """Runs in the nanny. Asking the process to end would take until compiled code returns."""
    if dask_worker.pid is not None:
        os.kill(dask_worker.pid, signal.SIGKILL)
