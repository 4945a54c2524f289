"""A child process for the tests: waits for its end, for nothing, or refuses to end."""

import signal
import subprocess
import sys
import time

from service.cli.children import end_with_parent


def main(manner: str) -> None:
    end_with_parent()
    if manner == "brief":
        return
    if manner == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        sys.stdout.write(f"started {started.pid}\n")
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "patient")
