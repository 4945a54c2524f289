// Three versions of one set: the one both started from, mine and theirs. Finds every field in which mine and
// theirs differ, says what the plain three-way rule would take, and builds the set from choices. Pure.

const KEYED = ["scenarios", "events"];
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

export function equal(a, b) {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => equal(one, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && equal(a[name], b[name]));
}

/** Lists of scenarios and events by key, so that a moved scenario is not a changed one. */
function keyed(set) {
  const lists = KEYED.map((list) => [list, Object.fromEntries((set[list] ?? []).map((one) => [one.key, one]))]);
  return { ...set, ...Object.fromEntries(lists) };
}

/** [{path, base, mine, theirs, rule}] for every field where mine and theirs differ; rule: "mine", "theirs" or null. */
export function differences(base, mine, theirs) {
  const found = [];
  walk([], keyed(base), keyed(mine), keyed(theirs), found);
  return found;
}

/** [{path, before, after}] for every changed field of one set. */
export function changes(before, after) {
  return differences(before, after, before).map(({ path, mine, theirs }) => ({ path, before: theirs, after: mine }));
}

function walk(path, base, mine, theirs, found) {
  if (equal(mine, theirs)) return;
  if (isObject(mine) && isObject(theirs)) {
    const from = isObject(base) ? base : {};
    for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
      walk([...path, name], from[name], mine[name], theirs[name], found);
    }
    return;
  }
  let rule = null;
  if (equal(mine, base)) rule = "theirs";
  if (equal(theirs, base)) rule = "mine";
  found.push({ path, base, mine, theirs, rule });
}

/** Theirs with my value in every difference for which choice(difference) is "mine". */
export function merged(theirs, mine, found, choice) {
  const result = structuredClone(keyed(theirs));
  for (const difference of found.filter((one) => choice(one) === "mine")) {
    const [last, ...way] = [...difference.path].reverse();
    const place = way.reverse().reduce((at, name) => (at[name] ??= {}), result);
    if (difference.mine === undefined) delete place[last];
    else place[last] = structuredClone(difference.mine);
  }
  for (const list of KEYED) result[list] = inOrder(result[list], [...(theirs[list] ?? []), ...(mine[list] ?? [])]);
  return result;
}

const inOrder = (byKey, like) => [...new Set(like.map((one) => one.key))].filter((key) => key in byKey).map((key) => byKey[key]);
