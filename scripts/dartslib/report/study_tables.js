// Tables of a study, sorted by a click on a column's head.
"use strict";

/**
 * A table of `rows`. A column: {title, value(row), show(row)}; without `show` the value is shown. A
 * number stands at the right, null is last in either order.
 */
function dataTable(columns, rows, sortable) {
  const body = make("tbody"), heads = [];
  const isNumber = columns.map((column) => rows.some((row) => typeof column.value(row) === "number"));
  const look = (i) => (isNumber[i] ? { class: "number" } : {});
  let by = null, down = false;
  const fill = (order) => body.replaceChildren(...order.map((row) => make("tr", {}, ...columns.map((column, i) => {
    const shown = column.show ? column.show(row) : column.value(row);
    return make("td", look(i), shown ?? "–");
  }))));
  const sort = (column, i, head) => {
    down = by === column ? !down : isNumber[i];
    by = column;
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    fill([...rows].sort((a, b) => inOrder(column.value(a), column.value(b), down)));
  };
  for (const [i, column] of columns.entries()) {
    const head = make("th", { scope: "col", ...look(i) });
    heads.push(head);
    if (!sortable) head.append(column.title);
    else head.append(make("button", { type: "button", title: "sort", onclick: () => sort(column, i, head) }, column.title));
  }
  fill(rows);
  return make("div", { class: "wide data" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body));
}

function inOrder(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  return down ? -order : order;
}

const percent = (share, digits = 2) => (100 * share).toFixed(digits);
const millions = (count) => (count / 1e6).toFixed(2);
const pValue = (p) => (p < 0.001 ? "< 0.001" : p.toFixed(3));
const tValue = (t) => (t === null ? "∞" : Math.abs(t) < 1e4 ? t.toFixed(2) : shortNumber(t));
const withDeviation = (share, deviation) => percent(share) + (deviation === null ? "" : ` ± ${percent(deviation)}`);

function methodsTable(study) {
  return dataTable([
    { title: "method", value: (m) => m.name, show: (m) => named(study, m.name) },
    { title: "n", value: (m) => m.seeds.length },
    { title: "top-1, %", value: (m) => m.accuracy, show: (m) => withDeviation(m.accuracy, m.deviation) },
    { title: "95 % interval of the mean", value: (m) => m.interval && m.interval.map((s) => percent(s)).join(" to ") },
    { title: "parameters, M", value: (m) => m.parameters, show: (m) => millions(m.parameters) },
    { title: "multiply-adds, M", value: (m) => m.multiply_adds, show: (m) => millions(m.multiply_adds) },
    { title: "skips", value: (m) => m.skips, show: (m) => m.skips.toFixed(1) },
    { title: "a search's steps", value: (m) => m.time || null },
  ], study.methods, false);
}

function comparisonsTable(study) {
  return dataTable([
    { title: "methods", value: (c) => `${c.first} − ${c.second}` },
    { title: "difference, points", value: (c) => c.difference, show: (c) => percent(c.difference) },
    { title: "test", value: (c) => (c.paired ? "paired by seeds" : "Welch’s") },
    { title: "t", value: (c) => c.t, show: (c) => tValue(c.t) },
    { title: "degrees of freedom", value: (c) => c.freedom, show: (c) => shortNumber(c.freedom, 3) },
    { title: "p", value: (c) => c.p, show: (c) => pValue(c.p) },
    { title: "p corrected", value: (c) => c.corrected_p, show: (c) => pValue(c.corrected_p) },
    { title: "in words", value: (c) => verdict(c),
      show: (c) => make(c.within_noise ? "span" : "strong", {}, verdict(c)) },
  ], study.comparisons, true);
}

function verdict(c) {
  if (c.within_noise) return "within noise";
  return c.difference > 0 ? `${c.first} is better` : `${c.second} is better`;
}

/** `choose(candidate)` is called by a click on its name. */
function candidatesTable(study, choose) {
  const measured = study.candidates.some((c) => c.eigenvalue !== null);
  const several = study.candidates.some((c) => c.trainings.length > 1);
  const columns = [
    { title: "candidate", value: (c) => c.name, show: (c) =>
      make("button", { type: "button", class: "link", title: "its cells", onclick: () => choose(c) }, c.name) },
    { title: "method", value: (c) => c.method, show: (c) => named(study, c.method) },
    { title: "top-1, %", value: (c) => c.accuracy, show: (c) => withDeviation(c.accuracy, c.deviation) },
    { title: "of trainings", value: (c) => c.trainings.map((share) => percent(share)).join(", ") },
    { title: "parameters, M", value: (c) => c.parameters, show: (c) => millions(c.parameters) },
    { title: "multiply-adds, M", value: (c) => c.multiplyAdds, show: (c) => millions(c.multiplyAdds) },
    { title: "skips, normal", value: (c) => c.skips.normal },
    { title: "skips, reduction", value: (c) => c.skips.reduce },
    { title: "supernet, %", value: (c) => c.supernet, show: (c) => c.supernet === null ? null : percent(c.supernet) },
    { title: "eigenvalue", value: (c) => c.eigenvalue,
      show: (c) => c.eigenvalue === null ? null : shortNumber(c.eigenvalue, 3) },
    { title: "search", value: (c) => c.seconds, show: (c) => c.time || null },
  ];
  const shown = { "of trainings": several, eigenvalue: measured };
  return dataTable(columns.filter(({ title }) => shown[title] ?? true), study.candidates, true);
}

function named(study, method) {
  return make("span", { class: "named" }, markSample(lookOf(study.colours[method] ?? null)), method);
}
