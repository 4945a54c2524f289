// Follows one forecast, or another job, until it is done: live through its event stream, by asking now and then if that fails.
// Knows statuses and stages, not what is drawn.

import { ServiceError, get, streamEvents } from "./api.js";

export const UNDER_WAY = new Set(["queued", "running"]);
const EVERY = 2000;

const pause = (signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, EVERY);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Calls back with every state of the job under `root`; resolves with the last one, or null when aborted. */
export async function follow(id, report, signal, root = "/forecasts") {
  const path = `${root}/${encodeURIComponent(id)}`;
  let misses = 0;
  while (!signal.aborted) {
    try {
      await streamEvents(`${path}/events`, report, signal);
    } catch (error) {
      if (signal.aborted) return null;
    }
    // The stream may end early (a proxy, a restart): the resource itself says whether it is over.
    try {
      const state = await get(path, {}, { signal });
      misses = 0;
      report(state);
      if (!UNDER_WAY.has(state.status)) return state;
    } catch (error) {
      if (signal.aborted) return null;
      misses += 1;
      if (!(error instanceof ServiceError) || misses > 5) throw error;
    }
    await pause(signal);
  }
  return null;
}
