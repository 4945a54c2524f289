// A set that is a pool says of which sets it is one, and that a change makes it a set like any other.

import { byId, element, show } from "../dom.js";
import { t } from "../i18n.js";
import { membersTable } from "./pool_dialog.js";

export function drawPool(set, sets) {
  show(byId("pool"), Boolean(set.pool));
  if (!set.pool) return byId("pool").replaceChildren();
  return byId("pool").replaceChildren(
    element("h2", { class: "utrecht-heading-3" }, t("pool.of")),
    element("p", { class: "hint" }, t(`pool.${set.pool.method}`), ". ", t("pool.whole")),
    membersTable(set.pool.members, sets),
  );
}
