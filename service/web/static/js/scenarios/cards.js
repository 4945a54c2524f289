// The cards of the editor: scenarios, events, the unforeseen part, and what holds for the whole set. A card shows
// sliders for the chosen year; all years, words and shape are folded away under it.

import { element } from "../dom.js";
import { compositionFold } from "./composition.js";
import { button, check, fold } from "./controls.js";
import { chance, decimal, t } from "../i18n.js";
import {
  FAMILIES,
  SPREADS,
  nearestBelief,
  setIn,
  unforeseenLike,
  withExclusion,
  withProbability,
  withoutEvent,
  withoutScenario,
  yearsOf,
} from "./document.js";

const SOURCES = {
  read: (list) => (list ?? []).join("\n"),
  write: (typed) => typed.split("\n").filter((one) => one.trim()),
};

/** Sliders end well above everything stated and counted; the number field takes more. */
export function scaleOf(set, highest) {
  const beliefs = [...set.scenarios, ...(set.unforeseen ? [set.unforeseen] : [])].flatMap((one) => Object.values(one.years));
  const top = Math.max(1000, highest ?? 0, ...beliefs.map((one) => one.expected + one.spread));
  const unit = 10 ** Math.floor(Math.log10(top));
  const max = Math.ceil((1.5 * top) / unit) * unit;
  const step = max <= 20000 ? 50 : 100;
  return { expected: { min: step, max, step }, spread: { min: step, max: max / 2, step }, change: { min: -max / 2, max: max / 2, step } };
}

/** page: {form, set, year, scale, open, change(next), together(), elicit(path, year), posterior}. */
export function scenarioCard(page, index) {
  const { form, set, year } = page;
  const scenario = set.scenarios[index];
  const path = ["scenarios", index];
  const name = scenario.label || scenario.key;
  const remove = set.scenarios.length > 1 && button(t("card.remove"), () => page.change(withoutScenario(page.current(), index)), {
    kind: "subtle",
    name: t("card.removeName", { name }),
  });
  return element(
    "section",
    { class: "card", "aria-labelledby": `card-${index}` },
    element("div", { class: "card__head" }, heading(`card-${index}`, t("card.scenario", { number: index + 1 })), remove || null),
    form.text([...path, "label"], { label: t("card.label"), longest: 200 }),
    form.number([...path, "probability"], {
      label: t("card.probability"),
      name: t("card.probabilityOf", { name }),
      kind: "percent",
      unit: "%",
      slider: { min: 0, max: 1, step: 0.01 },
      write: (value, gesture) => page.change(withProbability(page.current(), index, value, page.together()), gesture),
    }),
    element("p", { class: "hint card__posterior", id: `posterior-${scenario.key}` }),
    yearSliders(page, path, scenario, name, "expected"),
    allYears(page, path, scenario, name, "expected"),
    compositionFold(page, path, scenario, name),
    details(page, path, scenario),
  );
}

const heading = (id, text) => element("h3", { class: "utrecht-heading-3", id }, text);

function yearSliders(page, path, one, name, kind) {
  const { form, year, scale } = page;
  const at = [...path, "years", String(year)];
  if (!one.years[year]) {
    const empty = element("p", { class: "hint" }, t(kind === "expected" ? "card.unstated" : "card.noChange", { year }));
    const add = button(t("card.state", { year }), () => addYear(page, path, year), {
      name: t("card.stateName", { year, name }),
    });
    return element("div", { class: "card__year" }, empty, add);
  }
  const fields = [
    form.number([...at, "expected"], {
      label: t(kind === "expected" ? "card.expected" : "card.change", { year }),
      name: t(kind === "expected" ? "card.expectedOf" : "card.changeOf", { year, name }),
      kind: kind === "expected" ? "persons" : "change",
      slider: kind === "expected" ? scale.expected : scale.change,
    }),
    form.number([...at, "spread"], {
      label: t("card.spread", { year }),
      name: t("card.spreadOf", { year, name }),
      kind: "persons",
      slider: scale.spread,
    }),
  ];
  if (kind === "expected") {
    fields.push(button(t("card.elicit"), () => page.elicit(path, year), { kind: "subtle", name: t("card.elicitName", { year, name }) }));
  }
  return element("div", { class: "card__year" }, ...fields);
}

function addYear(page, path, year) {
  const set = page.current();
  const one = path.reduce((value, step) => value[step], set);
  const belief = nearestBelief(one.years, year, { expected: 5000, spread: 1000 });
  page.change(setIn(set, [...path, "years", String(year)], belief));
}

/** The years in number fields; the chosen year has its own above, bound to the same place. */
function allYears(page, path, one, name, kind) {
  const { form, year, set, open } = page;
  const id = `years-${path.join("-")}`;
  const others = yearsOf(set).filter((other) => other !== year);
  const rows = others.map((other) => {
    const at = [...path, "years", String(other)];
    const head = element("th", { scope: "row" }, String(other));
    if (!one.years[other]) {
      const add = button(t("card.state", { year: other }), () => addYear(page, path, other), {
        kind: "subtle",
        name: t("card.stateName", { year: other, name }),
      });
      return element("tr", {}, head, element("td", { colspan: 3 }, add));
    }
    const number = (part, nameKey, numberKind) =>
      element("td", {}, form.number([...at, part], { label: "", name: t(nameKey, { year: other, name }), kind: numberKind, compact: true }));
    return element(
      "tr",
      {},
      head,
      number("expected", kind === "expected" ? "card.expectedOf" : "card.changeOf", kind === "expected" ? "persons" : "change"),
      number("spread", "card.spreadOf", "persons"),
      element("td", {}, dropYear(page, path, one, other, name)),
    );
  });
  const drop = one.years[year] && dropYear(page, path, one, year, name, true);
  const columns = ["card.column.year", kind === "expected" ? "card.column.expected" : "card.column.change", "card.column.spread"];
  const head = element("tr", {}, ...columns.map((key) => element("th", { scope: "col" }, t(key))), element("td", {}));
  const caption = element("caption", { class: "visually-hidden" }, t("card.yearsOf", { name }));
  const table = element("table", { class: "years-grid" }, caption, element("thead", {}, head), element("tbody", {}, ...rows));
  return fold(id, t("card.otherYears"), open, table, drop || null);
}

function dropYear(page, path, one, year, name, here = false) {
  if (Object.keys(one.years).length < 2) return null;
  const label = here ? t("card.dropThis", { year }) : t("card.drop");
  return button(label, () => page.change(setIn(page.current(), [...path, "years", String(year)], undefined)), {
    kind: "subtle",
    name: t(here ? "card.dropThisName" : "card.dropName", { year, name }),
  });
}

function details(page, path, one) {
  const { form, open } = page;
  const parts = [
    form.choice([...path, "family"], { label: t("card.family"), options: FAMILIES.map((family) => [family, t(`family.${family}`)]) }),
    form.choice([...path, "spreadMeaning"], {
      label: t("card.spreadMeaning"),
      options: SPREADS.map((meaning) => [meaning, t(`spread.${meaning}`)]),
    }),
  ];
  if (path[0] === "events") {
    const write = (typed) => typed.trim() || undefined;
    parts.push(form.text([...path, "start"], { label: t("card.start"), hint: t("card.startHint"), write }));
  }
  if (path[0] !== "unforeseen") {
    parts.push(
      form.text([...path, "narrative"], { label: t("card.narrative"), rows: 4, longest: 20000 }),
      form.text([...path, "sources"], { label: t("card.sources"), hint: t("card.sourcesHint"), rows: 2, ...SOURCES }),
    );
  }
  return fold(`more-${path.join("-")}`, t(path[0] === "unforeseen" ? "card.shape" : "card.more"), open, ...parts);
}

export function eventCard(page, index) {
  const { form, set } = page;
  const event = set.events[index];
  const path = ["events", index];
  const name = event.label || event.key;
  return element(
    "section",
    { class: "card card--event", "aria-labelledby": `event-${index}` },
    element(
      "div",
      { class: "card__head" },
      heading(`event-${index}`, t("card.event", { number: index + 1 })),
      button(t("card.remove"), () => page.change(withoutEvent(page.current(), index)), {
        kind: "subtle",
        name: t("card.removeName", { name }),
      }),
    ),
    form.text([...path, "label"], { label: t("card.label"), longest: 200 }),
    form.number([...path, "probability"], {
      label: t("card.probability"),
      name: t("card.probabilityOf", { name }),
      kind: "percent",
      unit: "%",
      slider: { min: 0, max: 1, step: 0.01 },
    }),
    yearSliders(page, path, event, name, "change"),
    allYears(page, path, event, name, "change"),
    dependence(page, index, event, name),
    details(page, path, event),
  );
}

function dependence(page, index, event, name) {
  const { set, open } = page;
  const own = set.scenarios.map((scenario) => scenarioChance(page, index, scenario, name));
  const others = set.events.filter((_, at) => at !== index).map((other) => exclusion(page, index, event, other));
  const groups = [group(t("card.perScenario"), element("p", { class: "hint" }, t("card.perScenarioHint")), ...own)];
  if (others.length) groups.push(group(t("card.excludes"), ...others));
  return fold(`depends-${index}`, t("card.dependence"), open, ...groups);
}

const group = (legend, ...children) =>
  element("fieldset", { class: "group" }, element("legend", { class: "utrecht-form-label" }, legend), ...children);

function scenarioChance(page, index, scenario, name) {
  const path = ["events", index, "probabilityByScenario", scenario.key];
  const title = scenario.label || scenario.key;
  const stated = page.set.events[index].probabilityByScenario[scenario.key] !== undefined;
  const box = check(t("card.otherChance", { scenario: title }), stated, `own-${index}-${scenario.key}`, (on) => {
    const set = page.current();
    page.change(setIn(set, path, on ? set.events[index].probability : undefined));
  });
  const field =
    stated &&
    page.form.number(path, {
      label: "",
      name: t("card.chanceUnder", { name, scenario: title }),
      kind: "percent",
      unit: "%",
      slider: { min: 0, max: 1, step: 0.01 },
      compact: true,
    });
  return element("div", { class: "pair" }, box, field || null);
}

function exclusion(page, index, event, other) {
  const set = (on) => page.change(withExclusion(page.current(), index, other.key, on));
  return check(other.label || other.key, event.excludes.includes(other.key), `excludes-${index}-${other.key}`, set);
}

export function unforeseenCard(page) {
  const { form, set } = page;
  const present = Boolean(set.unforeseen);
  const toggle = (on) => page.change({ ...page.current(), unforeseen: on ? unforeseenLike(page.current()) : undefined });
  const parts = [
    element("div", { class: "card__head" }, heading("unforeseen-heading", t("card.unforeseen"))),
    element("p", { class: "hint" }, t("card.unforeseenHint")),
    check(t("card.unforeseenUse"), present, "unforeseen-use", toggle),
  ];
  if (present) {
    const name = t("card.unforeseen");
    parts.push(
      form.number(["unforeseen", "probability"], {
        label: t("card.probability"),
        name: t("card.probabilityOf", { name }),
        kind: "percent",
        unit: "%",
        slider: { min: 0, max: 0.5, step: 0.01 },
      }),
      yearSliders(page, ["unforeseen"], set.unforeseen, name, "expected"),
      allYears(page, ["unforeseen"], set.unforeseen, name, "expected"),
      details(page, ["unforeseen"], set.unforeseen),
    );
  }
  return element("section", { class: "card", "aria-labelledby": "unforeseen-heading" }, ...parts);
}

export function generalCard(page) {
  const { form } = page;
  const series = ["first_applications", "all_applications", "repeat_applications", "family_arrivals", "resettlement"];
  return element(
    "section",
    { class: "card", "aria-labelledby": "general-heading" },
    heading("general-heading", t("card.general")),
    form.number(["yearCorrelation"], {
      label: t("card.yearCorrelation"),
      kind: "correlation",
      slider: { min: 0, max: 0.99, step: 0.01 },
    }),
    element("p", { class: "hint" }, t("card.yearCorrelationHint")),
    fold(
      "general-more",
      t("card.generalMore"),
      page.open,
      form.text(["name"], { label: t("card.name"), longest: 200 }),
      form.text(["edition"], { label: t("card.edition"), longest: 64 }),
      form.text(["cutoff"], { label: t("card.cutoff"), hint: t("card.cutoffHint") }),
      form.choice(["target", "series"], { label: t("card.series"), options: series.map((one) => [one, t(`series.${one}`)]) }),
      form.text(["target", "geo"], { label: t("card.geo") }),
      form.text(["target", "citizen"], { label: t("card.citizen") }),
    ),
  );
}

/** What the counts made of each scenario's probability, beside its slider. */
export function drawPosteriors(rows) {
  for (const { key, posterior, prior } of rows ?? []) {
    const node = document.getElementById(`posterior-${key}`);
    const words = { posterior: chance(posterior), points: decimal(Math.abs(100 * (posterior - prior)), 1) };
    if (node) node.textContent = t(posterior >= prior ? "card.posteriorUp" : "card.posteriorDown", words);
  }
}
