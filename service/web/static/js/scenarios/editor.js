// The left half of the page: builds the cards anew when their structure changes, otherwise only writes values into
// them, so that what is being typed or drawn along stays where it is.

import { byId, element, show } from "../dom.js";
import { language, percent, t } from "../i18n.js";
import { syncCompositions } from "./composition.js";
import { eventCard, generalCard, scaleOf, scenarioCard, unforeseenCard } from "./cards.js";
import { get, probabilitySum, setIn, yearsOf } from "./document.js";
import { makeForm } from "./fields.js";

const open = new Set();
let built = "";
let scale = null;

/** host: {set(), year(), change(set, gesture), finish(), together(), elicit(path, year), highest()}. */
export function makeEditor(host) {
  const form = makeForm({
    read: (path) => get(host.set(), path),
    edit: (path, value, gesture) => host.change(setIn(host.set(), path, value), gesture),
    finish: host.finish,
  });
  byId("editor").addEventListener(
    "toggle",
    ({ target }) => target.id && (target.open ? open.add(target.id) : open.delete(target.id)),
    true,
  );

  function draw({ force = false, focus = null } = {}) {
    const set = host.set();
    const now = signature(set, host.year());
    if (now !== built || force) {
      const active = focus ?? document.activeElement?.id;
      // A new scale only with new cards: under a moving slider it would run away.
      scale = scaleOf(set, host.highest());
      built = now;
      build(set);
      form.sync(true);
      if (active) document.getElementById(active)?.focus();
    } else form.sync(force);
    drawSum(set);
    syncCompositions(set);
  }

  function build(set) {
    form.clear();
    const page = { form, set, year: host.year(), scale, open, current: host.set, change: host.change, together: host.together, elicit: host.elicit };
    byId("scenario-cards").replaceChildren(...set.scenarios.map((_, index) => scenarioCard(page, index)));
    byId("event-cards").replaceChildren(...set.events.map((_, index) => eventCard(page, index)));
    byId("whole-cards").replaceChildren(unforeseenCard(page), generalCard(page));
  }

  return { draw, showFaults: form.showFaults };
}

/** What decides which controls there are; values are not part of it, names are only where they label others. */
function signature(set, year) {
  const years = (one) => Object.keys(one.years).join();
  const scenarios = set.scenarios.map((one) => [one.key, years(one), Object.keys(one.composition?.shares ?? {})]);
  const events = set.events.map((one) => [one.key, years(one), Object.keys(one.probabilityByScenario), one.excludes]);
  const unforeseen = set.unforeseen ? years(set.unforeseen) : null;
  return JSON.stringify([language(), year, yearsOf(set), scenarios, events, unforeseen]);
}

function drawSum(set) {
  const sum = probabilitySum(set);
  const right = isWhole(set);
  const digits = Math.abs(sum - 1) < 0.0005 && !right ? 4 : 1;
  const text = right ? t("sum.right") : t("sum.wrong", { sum: percent(sum, digits) });
  if (byId("sum").textContent !== text) byId("sum").textContent = text;
  byId("sum").classList.toggle("sum__wrong", !right);
  show(byId("rescale"), !right);
}

export const isWhole = (set) => Math.abs(probabilitySum(set) - 1) <= 1e-6;

/** The years as a row of radio buttons; choose(year) is called with the chosen one. Drawn anew only when they change. */
export function drawYearChoices(years, chosen, choose) {
  const now = JSON.stringify([years, chosen]);
  if (byId("year-choices").dataset.drawn === now) return;
  byId("year-choices").dataset.drawn = now;
  const focused = document.activeElement?.name === "year";
  const choices = years.map((year) => {
    const radio = element("input", { type: "radio", name: "year", id: `year-${year}`, value: year, checked: year === chosen, class: "visually-hidden" });
    radio.addEventListener("change", () => choose(year));
    return element("label", { class: "year-choice", for: `year-${year}` }, radio, element("span", {}, String(year)));
  });
  byId("year-choices").replaceChildren(...choices);
  if (focused) byId(`year-${chosen}`)?.focus();
}
