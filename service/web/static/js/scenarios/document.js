// The scenario set being written, as plain JSON in the shape of the interface; every change gives a new object.
// Knows what a set consists of and how an empty one looks; nothing of screens or requests.

export const FAMILIES = ["lognormal", "normal", "gamma", "student_t", "triangular", "pert"];
export const SPREADS = ["sd", "half_width_50", "half_width_75", "half_width_80", "half_width_90", "half_width_95"];
export const HORIZON = 5;
const STORED = ["id", "version", "status", "contentHash", "createdBy", "createdAt", "feedback", "reason"];
const TEXTS = { narrative: "", sources: [], label: "" };

/** What can be edited of a stored set: without what the service added, with what it left out filled in. */
export function bodyOf(set) {
  const body = Object.fromEntries(Object.entries(set).filter(([name]) => !STORED.includes(name)));
  return {
    ...body,
    yearCorrelation: body.yearCorrelation ?? 0.8,
    scenarios: body.scenarios.map((one) => ({ family: "lognormal", spreadMeaning: "sd", ...TEXTS, ...one })),
    events: (body.events ?? []).map((one) => ({
      family: "normal",
      spreadMeaning: "sd",
      ...TEXTS,
      probabilityByScenario: {},
      excludes: [],
      ...one,
    })),
  };
}

/** A first set to write in at a cutoff: two scenarios for its own year and the next. */
export function emptySet(cutoff, labels) {
  const year = Number(cutoff.slice(0, 4));
  const beliefs = (expected, spread) => ({
    [year]: { expected, spread },
    [year + 1]: { expected, spread: 1.5 * spread },
  });
  return bodyOf({
    name: labels.name,
    edition: `${year}-${Number(cutoff.slice(5, 7)) < 4 ? 1 : 2}`,
    cutoff,
    target: { series: "first_applications", geo: "NL", citizen: "TOTAL" },
    scenarios: [
      { key: "scenario_1", label: labels.first, probability: 0.7, years: beliefs(35000, 5000) },
      { key: "scenario_2", label: labels.second, probability: 0.3, years: beliefs(45000, 8000) },
    ],
  });
}

/** The beliefs moved so that the first year stated is the cutoff's own; as they are while the cutoff is no date. */
export function movedToCutoff(set) {
  const parts = [...set.scenarios, ...set.events, ...(set.unforeseen ? [set.unforeseen] : [])];
  const stated = Math.min(...parts.flatMap((one) => Object.keys(one.years).map(Number)));
  const ahead = /^\d{4}-\d{2}-\d{2}$/.test(set.cutoff) ? Number(set.cutoff.slice(0, 4)) - stated : 0;
  if (!ahead || !Number.isFinite(ahead)) return set;
  const moved = ({ years, ...one }) => ({
    ...one,
    ...(one.start && { start: `${Number(one.start.slice(0, 4)) + ahead}${one.start.slice(4)}` }),
    years: Object.fromEntries(Object.entries(years).map(([year, belief]) => [Number(year) + ahead, belief])),
  });
  const unforeseen = set.unforeseen && { unforeseen: moved(set.unforeseen) };
  return { ...set, scenarios: set.scenarios.map(moved), events: set.events.map(moved), ...unforeseen };
}

export const yearsOf = (set) => {
  const first = Number(set.cutoff.slice(0, 4)) || new Date().getFullYear();
  const horizon = Array.from({ length: HORIZON }, (_, ahead) => first + ahead);
  const stated = [...set.scenarios, ...set.events].flatMap((one) => Object.keys(one.years).map(Number));
  return [...new Set([...horizon, ...stated])].sort((a, b) => a - b);
};

/** The set without what says that it is a pool. */
export function unpooled(set) {
  const plain = { ...set };
  delete plain.pool;
  return plain;
}

export const get = (value, path) => path.reduce((at, name) => at?.[name], value);

/** The same object with the value at `path` replaced; undefined takes the member away. */
export function setIn(target, path, value) {
  if (!path.length) return value;
  const [name, ...rest] = path;
  const copy = Array.isArray(target) ? [...target] : { ...target };
  const inner = setIn(copy[name] ?? {}, rest, value);
  if (inner !== undefined) copy[name] = inner;
  else if (Array.isArray(copy)) copy.splice(name, 1);
  else delete copy[name];
  return copy;
}

/** A scenario's probability; with `others`, the rest shrink or grow in proportion so that the sum stays 1. */
export function withProbability(set, index, probability, others) {
  const rest = set.scenarios.reduce((sum, one, at) => (at === index ? sum : sum + one.probability), 0);
  const share = (one) => (rest > 0 ? one.probability / rest : 1 / (set.scenarios.length - 1));
  const scenarios = set.scenarios.map((one, at) => {
    if (at === index) return { ...one, probability };
    return others ? { ...one, probability: (1 - probability) * share(one) } : one;
  });
  return { ...set, scenarios };
}

export const probabilitySum = (set) => set.scenarios.reduce((sum, one) => sum + (one.probability ?? 0), 0);

/** Probabilities in the same proportions with sum 1; an explicit act, never done on its own. */
export function rescaled(set) {
  const sum = probabilitySum(set);
  const even = 1 / set.scenarios.length;
  const scenarios = set.scenarios.map((one) => ({ ...one, probability: sum > 0 ? one.probability / sum : even }));
  return { ...set, scenarios };
}

function freshKey(set, stem) {
  const taken = new Set([...set.scenarios, ...set.events].map((one) => one.key));
  for (let number = 1; ; number += 1) if (!taken.has(`${stem}_${number}`)) return `${stem}_${number}`;
}

/** Another scenario, with probability 0 and the beliefs of the last one, so that nothing moves yet. */
export function withScenario(set, label) {
  const like = set.scenarios.at(-1);
  const years = structuredClone(like.years);
  const { family, spreadMeaning } = like;
  const made = { key: freshKey(set, "scenario"), label, probability: 0, family, spreadMeaning, ...TEXTS, years };
  return { ...set, scenarios: [...set.scenarios, made] };
}

export function withoutScenario(set, index) {
  const { key } = set.scenarios[index];
  const events = set.events.map((event) => ({
    ...event,
    probabilityByScenario: Object.fromEntries(
      Object.entries(event.probabilityByScenario).filter(([name]) => name !== key),
    ),
  }));
  return { ...set, scenarios: set.scenarios.filter((_, at) => at !== index), events };
}

export function withEvent(set, label, year) {
  const made = {
    key: freshKey(set, "event"),
    label,
    probability: 0.1,
    family: "normal",
    spreadMeaning: "sd",
    ...TEXTS,
    years: { [year]: { expected: 5000, spread: 1000 } },
    probabilityByScenario: {},
    excludes: [],
  };
  return { ...set, events: [...set.events, made] };
}

export function withoutEvent(set, index) {
  const { key } = set.events[index];
  const left = set.events.filter((_, at) => at !== index);
  return { ...set, events: left.map((one) => ({ ...one, excludes: one.excludes.filter((name) => name !== key) })) };
}

/** Exclusion is mutual: both events name each other, or neither does. */
export function withExclusion(set, index, key, on) {
  const mine = set.events[index].key;
  const toggled = (names, name) => (on ? [...new Set([...names, name])] : names.filter((one) => one !== name));
  const events = set.events.map((event, at) => {
    if (at === index) return { ...event, excludes: toggled(event.excludes, key) };
    return event.key === key ? { ...event, excludes: toggled(event.excludes, mine) } : event;
  });
  return { ...set, events };
}

/** A belief to start a year from: that of the nearest stated year, else `otherwise`. */
export function nearestBelief(years, year, otherwise) {
  const stated = Object.keys(years).map(Number);
  if (!stated.length) return otherwise;
  const nearest = stated.reduce((best, one) => (Math.abs(one - year) < Math.abs(best - year) ? one : best));
  return { ...years[nearest] };
}

export const unforeseenLike = (set) => {
  const { years } = set.scenarios[0];
  const wide = Object.entries(years).map(([year, belief]) => [year, { ...belief, spread: Math.round(belief.expected / 2) }]);
  return { probability: 0.05, family: "lognormal", spreadMeaning: "sd", years: Object.fromEntries(wide) };
};
