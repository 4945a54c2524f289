// The check boxes that put something beside the draft: what the experts say, the model alone, the previous edition,
// other experts. Each is fetched when it is first asked for.

import { ServiceError } from "../api.js";
import { byId, element, show } from "../dom.js";
import { failWith } from "../failure.js";
import { t } from "../i18n.js";
import { check } from "./controls.js";
import { modelLayer, otherSets, previousRound, setLayer } from "./layers.js";

/** view: the page's state; set(): the draft; redraw(): after what is shown changed. */
export function makeComparison({ view, set, redraw }) {
  let offered = [];
  let chosen = new Set(["experts"]);
  let loaded = new Map();
  let hidden = false;

  function reset() {
    offered = [];
    loaded = new Map();
    hidden = false;
    draw();
  }

  /** Finds out what there is to compare with. */
  async function offer() {
    const { forecast, sets, stored, caller } = view;
    const found = [];
    if (forecast) found.push({ id: "experts", label: () => t("layer.experts") });
    if (forecast) found.push({ id: "model", label: () => t("layer.model"), load: () => modelLayer(forecast) });
    const previous = await previousRound(sets, set());
    const edition = () => t("layers.previous", { edition: previous.edition });
    if (previous) found.push({ id: "previous", label: edition, load: () => previous.load(edition()) });
    const others = otherSets(sets, stored?.id, set());
    // To an expert the service lists a round's sets only after one of one's own.
    hidden = caller.role === "expert" && !stored && !others.length;
    for (const other of others) {
      const label = () => t("layers.other", { name: other.name, who: other.createdBy });
      found.push({ id: `other-${other.id}`, label, load: () => setLayer("other", other, label()) });
    }
    offered = found;
    draw();
    await Promise.all(found.filter((one) => chosen.has(one.id)).map(fetchOne));
  }

  async function fetchOne(one) {
    if (!one.load || loaded.has(one.id)) return;
    try {
      loaded.set(one.id, await one.load());
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      chosen.delete(one.id);
      draw();
      failWith(error);
    }
  }

  async function toggle(one, on) {
    if (on) chosen.add(one.id);
    else chosen.delete(one.id);
    if (on) await fetchOne(one);
    redraw();
  }

  function draw() {
    const boxes = offered.map((one) => check(one.label(), chosen.has(one.id), `layer-${one.id}`, (on) => toggle(one, on)));
    const legend = element("legend", { class: "utrecht-form-label" }, t("layers.legend"));
    byId("layer-choices").replaceChildren(legend, ...boxes);
    show(byId("layer-choices"), boxes.length > 0);
    show(byId("layers-hidden"), hidden);
  }

  return {
    reset,
    offer,
    draw,
    wants: (id) => chosen.has(id),
    layers: () => offered.filter((one) => chosen.has(one.id) && loaded.has(one.id)).map((one) => ({ ...loaded.get(one.id), label: one.label() })),
  };
}
