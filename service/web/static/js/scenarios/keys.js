// Keys that work everywhere on the page: undo, redo, save.

/** actions: {z: undo, y: redo, s: save}, with Control or Command; Shift+Z is redo too. able(): whether they count now. */
export function startKeys(actions, able) {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !able()) return;
    const key = event.key.toLowerCase();
    const action = key === "z" && event.shiftKey ? actions.y : actions[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
