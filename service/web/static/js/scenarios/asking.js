// One question at a time, always the newest: while an answer is on its way, further edits only replace what will
// be asked next. An answer that has become stale and slow is given up. Draws what comes back and measures it.

const SLOW = 400;

/**
 * ask(subject, signal) → answer; receive(answer, subject); refuse(error, subject).
 * wait(): milliseconds of quiet before asking; measure(): the name under which the time from the edit to the painted
 * answer is measured, or null. Returns {about(subject, editedAt), stop()}.
 */
export function makeAsker({ ask, receive, refuse, wait = () => 0, measure = () => null }) {
  let next = null;
  let flight = null;
  let timer = null;

  const about = (subject, editedAt = performance.now()) => {
    next = { subject, editedAt };
    if (flight) {
      if (performance.now() - flight.since > SLOW) flight.controller.abort();
      else flight.hurry ??= setTimeout(() => flight?.controller.abort(), SLOW);
      return;
    }
    later();
  };

  // Without a pause to wait for, at the end of this very task: a timer would cost several milliseconds.
  function later() {
    clearTimeout(timer);
    if (wait()) timer = setTimeout(start, wait());
    else queueMicrotask(start);
  }

  async function start() {
    if (!next || flight) return;
    const { subject, editedAt } = next;
    next = null;
    const own = { controller: new AbortController(), since: performance.now(), hurry: null };
    flight = own;
    try {
      const answer = await ask(subject, own.controller.signal);
      if (flight !== own) return;
      receive(answer, subject);
      const name = measure();
      if (name) afterPaint(() => mark(name, editedAt));
    } catch (error) {
      if (flight !== own) return;
      if (error.name !== "AbortError") refuse(error, subject);
    } finally {
      clearTimeout(own.hurry);
      if (flight === own) {
        flight = null;
        if (next) later();
      }
    }
  }

  const stop = () => {
    clearTimeout(timer);
    next = null;
    flight?.controller.abort();
    flight = null;
  };
  return { about, stop };
}

// A frame is on the screen when a task runs after the frame's own callback.
const afterPaint = (then) => requestAnimationFrame(() => setTimeout(then, 0));

function mark(name, editedAt) {
  performance.measure(name, { start: editedAt, end: performance.now() });
}
