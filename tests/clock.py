"""What a call costs in processor time, for tests that compare one call with another in the same run."""

import time
from collections.abc import Callable


def least_cost(call: Callable[[], object], times: int = 3) -> float:
    """The processor seconds of the cheapest of several calls: other work on the machine only ever adds."""
    costs = []
    for _ in range(times):
        start = time.process_time()
        call()
        costs.append(time.process_time() - start)
    return min(costs)
