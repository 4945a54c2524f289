// Form controls bound to places in the set: a number with its slider, text, a choice, a check box. A control writes
// through edit(path, value, gesture) and is written by sync(); the one being typed in keeps what is typed.

import { element } from "../dom.js";
import { decimal, parseNumber, persons, t } from "../i18n.js";
import { said } from "../service_words.js";

export const idOf = (path) => `f-${path.join("-")}`;

/** How a kind of number is written, read and refused. */
export const KINDS = {
  persons: { show: persons, read: (value) => value, valid: (value) => value > 0 && value <= 1e7, fault: "field.persons" },
  change: { show: persons, read: (value) => value, valid: (value) => Math.abs(value) <= 1e7, fault: "field.change" },
  percent: {
    show: (value) => decimal(100 * value, Number.isInteger(Math.round(1000 * value) / 10) ? 0 : 1),
    read: (value) => value / 100,
    valid: (value) => value >= 0 && value <= 1,
    fault: "field.percent",
  },
  firmness: { show: (value) => decimal(value, Number.isInteger(value) ? 0 : 1), read: (value) => value, valid: (value) => value > 0 && value <= 1e6, fault: "field.firmness" },
  correlation: {
    show: (value) => decimal(value, 2),
    read: (value) => value,
    valid: (value) => value >= 0 && value <= 0.99,
    fault: "field.correlation",
  },
};

/** read(path) gives the value there now; edit(path, value, gesture) changes it; finish() ends a gesture. */
export function makeForm({ read, edit, finish }) {
  const bound = new Map();
  let refused = new Map();

  const bind = (path, field) => {
    bound.set(idOf(path), { path, ...field });
    return field.node;
  };
  const faultNode = (id) => element("p", { class: "field-error", id: `${id}-error` });

  const mark = (id, input, text) => {
    document.getElementById(`${id}-error`)?.replaceChildren(text ?? "");
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    input.classList.toggle("utrecht-textbox--invalid", Boolean(text));
  };

  /** slider: {min, max, step} or null; compact drops the visible label (name is then read out only). */
  function number(path, { label, name = label, kind, slider = null, unit = "", compact = false, write }) {
    const id = idOf(path);
    const { show, read: parse, valid, fault } = KINDS[kind];
    const change = write ?? ((value, gesture) => edit(path, value, gesture));
    const input = element("input", {
      class: "utrecht-textbox measure__number",
      id,
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      "aria-label": compact || name !== label ? name : null,
      "aria-describedby": `${id}-error`,
    });
    const range = slider && rangeFor(id, name, slider, change, finish);
    // What cannot be read stays as typed, with its fault, until it is corrected or undone.
    let bad = false;
    input.addEventListener("input", () => {
      const typed = parseNumber(input.value);
      const value = typed === null ? null : parse(typed);
      bad = value === null || !valid(value);
      mark(id, input, bad ? t(fault) : null);
      if (!bad) change(value, id);
    });
    input.addEventListener("blur", () => {
      finish();
      sync();
    });
    const sync = (force = false) => {
      const value = read(path);
      if (range) setRange(range, value, show(value ?? 0), unit);
      if (bad && !force) return;
      bad = false;
      if (document.activeElement === input && parsed(input, parse) === value) return;
      input.value = value === undefined || value === null ? "" : show(value);
      if (!refused.has(id)) mark(id, input, null);
    };
    const head = compact ? null : element("label", { class: "utrecht-form-label", for: id }, label);
    const suffix = unit && !compact ? element("span", { class: "measure__unit", "aria-hidden": "true" }, unit) : null;
    const box = element("span", { class: "measure__box" }, input, suffix);
    const shape = `measure${range ? " measure--slider" : ""}${compact ? " measure--compact" : ""}`;
    return bind(path, { node: element("div", { class: shape }, head, range, box, faultNode(id)), sync, input });
  }

  function text(path, { label, rows = 0, hint = null, read: shown = (value) => value ?? "", write = (typed) => typed, longest }) {
    const id = idOf(path);
    const described = hint ? `${id}-hint ${id}-error` : `${id}-error`;
    const attributes = { class: "utrecht-textbox", id, autocomplete: "off", "aria-describedby": described };
    const input = rows ? element("textarea", { ...attributes, rows }) : element("input", { ...attributes, type: "text" });
    input.addEventListener("input", () => {
      const over = longest && input.value.length > longest;
      mark(id, input, over ? t("field.long", { longest: persons(longest), length: persons(input.value.length) }) : null);
      edit(path, write(input.value), id);
    });
    input.addEventListener("blur", finish);
    const sync = () => {
      if (document.activeElement === input && equalText(write(input.value), read(path))) return;
      input.value = shown(read(path));
    };
    const parts = [element("label", { class: "utrecht-form-label", for: id }, label)];
    if (hint) parts.push(element("p", { class: "hint", id: `${id}-hint` }, hint));
    return bind(path, { node: element("div", { class: "line" }, ...parts, input, faultNode(id)), sync, input });
  }

  function choice(path, { label, options }) {
    const id = idOf(path);
    const choices = options.map(([value, words]) => element("option", { value }, words));
    const input = element(
      "select",
      { class: "utrecht-select utrecht-select--html-select", id, "aria-describedby": `${id}-error` },
      ...choices,
    );
    input.addEventListener("change", () => edit(path, input.value));
    const sync = () => {
      input.value = String(read(path));
    };
    const name = element("label", { class: "utrecht-form-label", for: id }, label);
    return bind(path, { node: element("div", { class: "line" }, name, input, faultNode(id)), sync, input });
  }

  /** force: also over what was typed and could not be read. */
  const sync = (force = false) => bound.forEach((field) => field.sync(force));

  /** Shows the service's faults at their fields; gives back those that have no field on the page. */
  function showFaults(faults) {
    refused.forEach((_, id) => bound.has(id) && mark(id, bound.get(id).input, null));
    refused = new Map();
    return faults.filter((fault) => {
      const { field } = fault;
      const id = `f-${field.replace(/^\//, "").replaceAll("/", "-")}`;
      if (!bound.has(id)) return true;
      refused.set(id, fault);
      mark(id, bound.get(id).input, said(fault));
      return false;
    });
  }

  const clear = () => bound.clear();
  return { number, text, choice, sync, showFaults, clear, bind };
}

const equalText = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function parsed(input, parse) {
  const typed = parseNumber(input.value);
  return typed === null ? null : parse(typed);
}

function rangeFor(id, name, { min, max, step }, change, finish) {
  const range = element("input", { type: "range", class: "measure__slider", id: `${id}-slider`, min, max, step });
  range.setAttribute("aria-label", t("field.slider", { name }));
  range.addEventListener("input", () => change(Number(range.value), id));
  // Not at "change", which the keyboard gives with every step: holding a key down is one gesture too.
  range.addEventListener("pointerup", finish);
  range.addEventListener("blur", finish);
  return range;
}

function setRange(range, value, text, unit) {
  // While it is drawn along, the slider is ahead of what it caused; writing it back would make it stutter.
  if (document.activeElement !== range || Number(range.value) !== value) range.value = String(value ?? range.min);
  range.setAttribute("aria-valuetext", unit ? `${text} ${unit}` : text);
  range.style.setProperty("--filled", `${(100 * (range.value - range.min)) / (range.max - range.min)}%`);
}
