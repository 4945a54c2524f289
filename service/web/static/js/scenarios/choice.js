// Which set is open: a list of the stored ones with edition and author, and the new one.

import { byId, element, show } from "../dom.js";
import { date, t } from "../i18n.js";

/** choose(id | null) opens a stored set, or with null a new one. */
export function startChoice(choose) {
  byId("set-choice").addEventListener("change", ({ target }) => choose(target.value || null));
  byId("new-set").addEventListener("click", () => choose(null));
}

/** Reloading the page opens the same set again. */
export function keepInAddress(id) {
  const url = new URL(window.location.href);
  url.searchParams.set("set", id ?? "new");
  window.history.replaceState(null, "", url);
}

export function drawChoice({ sets }, id, work) {
  const options = sets.map((one) => {
    const words = { name: one.name, edition: one.edition, cutoff: date(one.cutoff), who: one.createdBy };
    return element("option", { value: one.id, selected: one.id === id }, t("sets.option", words));
  });
  if (id === null) options.unshift(element("option", { value: "", selected: true }, t("sets.newOption", { name: work.set.name })));
  byId("set-choice").replaceChildren(...options);
  show(byId("sets"), true);
}
