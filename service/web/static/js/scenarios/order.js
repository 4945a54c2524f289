// The forecast of a saved version: offered while there is none, ordered on request, followed until it is done.

import { ServiceError, send } from "../api.js";
import { byId, element, show } from "../dom.js";
import { failWith } from "../failure.js";
import { percent, t } from "../i18n.js";
import { follow } from "../progress.js";
import { stageSentence } from "../progress_panel.js";
import { worded } from "../service_words.js";
import { button } from "./controls.js";

let following = null;

const hasOwn = ({ stored, forecast }) =>
  forecast?.request.scenarioSet === stored.id && forecast.request.scenarioSetVersion === stored.version;

/** view: the page's state; weight(): of the experts; done(): after the new forecast is there. */
export function drawOrder(view, weight, done) {
  if (following) return;
  const wanted = Boolean(view.stored) && !hasOwn(view);
  show(byId("order"), wanted);
  if (!wanted) return;
  const { id, version } = view.stored;
  const start = () => order({ scenarioSet: id, scenarioSetVersion: version, expertWeight: weight() }, done).catch(failWith);
  byId("order").replaceChildren(
    element("p", {}, t("order.offer")),
    button(t("order.submit", { version }), start, { id: "order-submit" }),
  );
}

async function order(body, done) {
  following = new AbortController();
  byId("order-submit").disabled = true;
  const say = (text) => byId("order").replaceChildren(element("p", { role: "status" }, text));
  try {
    const { body: made } = await send("POST", "/forecasts", body);
    const last = await follow(made.id, (state) => say(progressText(state)), following.signal);
    if (last?.status !== "succeeded") return say(t("order.failed", { detail: worded(last?.error ?? {}) }));
    await done();
    show(byId("order"), true);
    return say(t("order.done"));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return say(t("order.failed", { detail: worded(error) }));
  } finally {
    following = null;
  }
}

const progressText = (state) => t("order.running", { share: percent(state.progress ?? 0), stage: stageSentence(state) });
