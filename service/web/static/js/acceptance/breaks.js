// Breaks of policy that somebody declares: the form, what was declared and what the decisions say of its size, and the
// rates with a break instead of those without. A declaration is fitted by a job, which is looked after until it ends.

import { get, send } from "../api.js";
import { byId, element, show } from "../dom.js";
import { failWith } from "../failure.js";
import { decimal, parseNumber, persons, signed, t } from "../i18n.js";
import { table } from "../tables.js";

const PAUSE = 3_000;
const AT_WORK = new Set(["queued", "running"]);
const own = { address: null, nameOf: null, showRates: null, items: [], shown: null, timer: null, made: null };

/** address: of a part of the chosen forecast; nameOf: of a nationality; showRates(number or null): other rates. */
export function listenToBreaks({ address, nameOf, showRates }) {
  Object.assign(own, { address, nameOf, showRates });
  byId("break-form").addEventListener("submit", (event) => declare(event).catch(failWith));
}

/** Of the chosen forecast, from its start. */
export async function loadBreaks() {
  clearTimeout(own.timer);
  Object.assign(own, { items: [], shown: null, made: null });
  await look();
}

async function look() {
  const place = own.address("acceptance-breaks");
  const { items } = await get(place);
  if (place !== own.address("acceptance-breaks")) return;
  own.items = items;
  drawDeclared();
  clearTimeout(own.timer);
  if (items.some(({ status }) => AT_WORK.has(status))) own.timer = setTimeout(() => look().catch(failWith), PAUSE);
}

/** quarters: those that a break can begin in; citizens: codes. */
export function drawBreaks(quarters, citizens) {
  const [who, since] = [byId("break-citizen").value, byId("break-quarter").value || quarters.at(-1)];
  byId("break-citizen").replaceChildren(
    element("option", { value: "" }, t("acceptance.everyone")),
    ...citizens.map((code) => element("option", { value: code, selected: code === who }, own.nameOf(code))),
  );
  byId("break-quarter").replaceChildren(
    ...quarters.map((quarter) => element("option", { value: quarter, selected: quarter === since }, quarter)),
  );
  drawDeclared();
}

function drawDeclared() {
  byId("break-outcome").textContent = outcome();
  if (!own.items.length) return byId("breaks").replaceChildren();
  const focused = document.activeElement?.dataset.break;
  const columns = ["breakNumber", "who", "from", "breakExpected", "breakFound", "breakRates"].map((name) => ({
    label: t(`acceptance.${name}`),
  }));
  const rows = own.items.map((item) => [
    persons(item.id),
    item.citizen ? own.nameOf(item.citizen) : t("acceptance.everyone"),
    item.quarter,
    t("acceptance.breakSizeOf", { mean: signed(item.mean, 2), sd: decimal(item.sd, 2) }),
    foundOf(item),
    item.effect ? chooser(item) : null,
  ]);
  byId("breaks").replaceChildren(table({ caption: t("acceptance.breaksCaption"), columns, rows, stacks: true }));
  if (focused) byId("breaks").querySelector(`[data-break="${focused}"]`)?.focus();
}

function foundOf({ status, effect }) {
  if (!effect) return t(`acceptance.break.${AT_WORK.has(status) ? "atWork" : "failed"}`);
  const { mean, lower75, upper75 } = effect;
  return t("acceptance.breakFoundOf", { mean: signed(mean, 2), lower: signed(lower75, 2), upper: signed(upper75, 2) });
}

function chooser({ id }) {
  const chosen = own.shown === id;
  const text = t("acceptance.breakShow", { number: persons(id) });
  const attributes = { type: "button", class: "utrecht-button utrecht-button--secondary-action", "aria-pressed": String(chosen) };
  const button = element("button", { ...attributes, "data-break": String(id) }, text);
  button.addEventListener("click", () => choose(chosen ? null : id).catch(failWith));
  return button;
}

async function choose(number) {
  await own.showRates(number);
  own.shown = number;
  drawDeclared();
}

function outcome() {
  const number = own.shown ?? own.made;
  if (number === null) return "";
  if (own.shown !== null) return t("acceptance.breakShown", { number: persons(number) });
  const made = own.items.find(({ id }) => id === number);
  return made ? t("acceptance.breakMade", { number: persons(number), state: foundOf(made) }) : "";
}

async function declare(event) {
  event.preventDefault();
  const [mean, sd] = [parseNumber(byId("break-mean").value), parseNumber(byId("break-sd").value)];
  const reason = byId("break-reason").value.trim();
  const faults = {
    mean: mean === null || Math.abs(mean) > 6,
    sd: sd === null || sd <= 0 || sd > 5,
    reason: reason.length < 3,
  };
  for (const [name, wrong] of Object.entries(faults)) {
    show(byId(`break-${name}-fault`), wrong);
    byId(`break-${name}`).setAttribute("aria-invalid", String(wrong));
  }
  const first = Object.keys(faults).find((name) => faults[name]);
  if (first) return byId(`break-${first}`).focus();
  const citizen = byId("break-citizen").value || null;
  const asked = { citizen, quarter: byId("break-quarter").value, mean, sd, reason };
  own.made = (await send("POST", own.address("acceptance-breaks"), asked)).body.id;
  byId("break-reason").value = "";
  await look();
}
