// Undo and redo over immutable values. Edits of one gesture (a slider drawn along, a word typed) are one step.

const PAUSE = 1200;

/** edit(next, gesture) makes a step, or extends the last one when it belongs to the same gesture. */
export function makeHistory(initial, now = () => performance.now()) {
  let past = [];
  let present = initial;
  let future = [];
  let last = { gesture: null, at: 0 };

  const move = (from, to) => {
    if (!from.length) return false;
    to.push(present);
    present = from.pop();
    last = { gesture: null, at: 0 };
    return true;
  };
  return {
    get present() {
      return present;
    },
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    edit(next, gesture = null) {
      if (next === present) return;
      const same = gesture !== null && gesture === last.gesture && now() - last.at < PAUSE;
      if (!same) past = [...past.slice(-199), present];
      present = next;
      future = [];
      last = { gesture, at: now() };
    },
    endGesture() {
      last = { gesture: null, at: 0 };
    },
    undo: () => move(past, future),
    redo: () => move(future, past),
    reset(next) {
      past = [];
      future = [];
      present = next;
      last = { gesture: null, at: 0 };
    },
  };
}
