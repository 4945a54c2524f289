"""The web process that `instroom serve` starts: `python -m service.cli.web DESCRIPTOR`.

DESCRIPTOR is the listening socket, bound by the parent: an occupied port is known before anything starts.
Imports no model that needs PyMC; a configuration it cannot start with ends it with status 2 and a sentence.
"""

from __future__ import annotations

import gc
import os
import socket
import sys

import uvicorn

from service.app import create_app
from service.cli.children import end_with_parent
from service.logs import uvicorn_logging
from service.settings import ConfigurationError, load_settings

_SECONDS_FOR_OPEN_REQUESTS = 5
_OBJECTS_BETWEEN_COLLECTIONS = 10_000, 20, 50


def main(descriptor: int) -> int:
    end_with_parent()
    try:
        app = create_app(load_settings(os.environ))
    except ConfigurationError as error:
        sys.stderr.write(f"instroom: {error}\n")
        return 2
    spare_collector()
    config = uvicorn.Config(
        app,
        log_config=uvicorn_logging(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_FOR_OPEN_REQUESTS,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[socket.socket(fileno=descriptor)])
    return 0 if server.started else 1


def spare_collector() -> None:
    """Let the garbage collector pass over what is loaded, which stays as long as the process.

    Going through its 200,000 objects took tens of milliseconds in the midst of an answer, every ten or twenty answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_OBJECTS_BETWEEN_COLLECTIONS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
