// Tables of settings, a column for each run.
"use strict";

/** A table of what `pick(run)` has under `keys`; rows in `marked` stand out. */
function table(runs, keys, pick, marked = []) {
  const head = make("tr", {}, make("th"), ...runs.map((run) => make("th", {}, ...nameOf(run))));
  const rows = keys.map((key) => make("tr", marked.includes(key) ? { class: "differs" } : {},
    make("th", {}, key), ...runs.map((run) => make("td", {}, pick(run)[key] ?? "–"))));
  return make("div", { class: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

/** A run's name, with its colour where there are several. */
function nameOf(run) {
  return run.alone ? [run.name] : [sample({ colour: run.look?.colour ?? run.number }), " ", run.name];
}

function keysIn(runs, pick) {
  return [...new Set(runs.flatMap((run) => Object.keys(pick(run))))];
}

/** What differs between runs, and all of it in a part that opens. */
function settings(parent, runs, title, pick, differing) {
  const keys = keysIn(runs, pick);
  if (!keys.length) return;
  parent.append(make("h3", {}, title));
  if (runs.length > 1) {
    parent.append(differing.length ? table(runs, differing, pick)
      : make("p", { class: "note" }, "the same in all runs"));
  }
  const all = make("details", {}, make("summary", {}, `all ${keys.length} keys`),
    table(runs, keys, pick, runs.length > 1 ? differing : []));
  parent.append(all);
}
