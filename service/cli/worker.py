"""The worker process: `instroom worker`, or `python -m service.cli.worker` as a child of `instroom serve`.

Runs queued jobs until SIGTERM or SIGINT. Everything that imports PyMC stays behind `service.worker`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from service.cli.children import end_with_parent
from service.logs import configure_logs
from service.settings import ConfigurationError, Settings, load_settings


def work(settings: Settings) -> None:
    """Migrate, then run jobs until a signal asks to stop; a running job is given back to the queue."""
    from service.storage.base import make_engine, migrate
    from service.worker.main import run_worker

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    configure_logs()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database_url)
    migrate(engine)
    engine.dispose()
    run_worker(settings, stop)


def main() -> int:
    end_with_parent()
    try:
        work(load_settings(os.environ))
    except ConfigurationError as error:
        sys.stderr.write(f"instroom: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
