// The page of a study.
"use strict";

function studyPage(data, charts) {
  const { study } = data;
  for (const run of data.runs) run.look = lookOf(study.colours[run.method]);
  overviewSection(data);
  if (study.methods.length) {
    methodSections(study);
    const candidates = section("candidates", "Candidates");
    relationSection(study);
    const choose = candidateCells(data);
    candidates.append(note("Best first; a click on a head sorts, one on a name shows its cells."),
      candidatesTable(study, choose));
  }
  if (data.runs.length) skipSection(data, charts);
}

function overviewSection({ study, runs }) {
  const place = section("study", "Study"), broken = runs.filter((run) => run.broken);
  const say = (text, attributes = {}) => place.append(make("p", attributes, text));
  const several = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  say(`${several(study.candidates.length, "candidate")} of ${several(study.methods.length, "method")}, ranked by the ` +
    `top-1 accuracy on ${study.holdOut.toLocaleString("en")} training images that neither the searches nor the ` +
    "trainings saw.");
  const { winner } = study;
  if (winner) {
    say(`The best of ${winner.compared.length} on these images, ${winner.candidate}, was then tested on the test ` +
      `set, once: ${winner.test.map((share) => percent(share)).join(", ")} % top-1.`, { id: "winner" });
  } else say("No candidate has been tested on the test set yet.", { id: "winner" });
  if (study.missing.length) say(`Not done yet: ${study.missing.join(", ")}.`, { class: "warning" });
  for (const [run, reason] of Object.entries(study.failed)) say(`${run} failed: ${reason}`, { class: "warning" });
  for (const run of broken) say(`${run.name} diverged; not finite: ${run.broken}`, { class: "warning" });
  if (study.silent.length) say(`Searches without records of an epoch: ${study.silent.join(", ")}.`, { class: "note" });
}

function pointsOf(study, candidates, x, rows) {
  return candidates.map((c) => ({ label: c.name, look: lookOf(study.colours[c.method] ?? null), x: x(c),
    y: 100 * c.accuracy, rows: [["top-1, %", withDeviation(c.accuracy, c.deviation)], ...rows(c)] }));
}

function methodSections(study) {
  const place = section("methods", "Methods");
  const random = study.methods.find((method) => method.name === "random");
  const plot = new MethodsPlot(study.methods, (method) => pointsOf(study,
    study.candidates.filter((c) => c.method === method.name), (c) => 100 * c.accuracy, () => []),
  random ? random.accuracy : null);
  place.append(make("div", { class: "wide" }, plot.svg), note("A point is a candidate, the mean over its " +
    "trainings; bars are the means over candidates, lines the intervals that hold the mean in 95 of 100 studies " +
    "(Student’s t)" + (random ? "; dashed: the mean of random genotypes." : ".")),
  methodsTable(study), ...[aboveRandom(study)].filter(Boolean));
  place.append(make("h3", {}, "Comparisons"), make("p", { id: "verdict" }, allVerdicts(study.comparisons)));
  if (study.comparisons.length) {
    place.append(comparisonsTable(study), note("A difference is called noise where one as large " +
      "would come up by chance in more than 5 of 100 such studies, corrected for their number (Holm)."));
  }
}

function allVerdicts(comparisons) {
  if (!comparisons.length) return "No two methods have two candidates each.";
  const certain = comparisons.filter((c) => !c.within_noise);
  if (!certain.length) return `No difference of ${comparisons.length} is more than noise.`;
  const words = certain.map((c) => (c.difference > 0 ? `${c.first} over ${c.second}` : `${c.second} over ${c.first}`));
  const verb = certain.length === 1 ? "is" : "are";
  return `${certain.length} of ${comparisons.length} differences ${verb} more than noise: ${words.join(", ")}.`;
}

/** A legend of methods; `shown[method]` says whether it is to be seen. */
function methodLegend(study, methods, changed) {
  const sign = (method) => markSample(lookOf(study.colours[method] ?? null));
  const items = methods.map((method) => ({ label: method, shown: true, sign: sign(method) }));
  const element = legend(items, changed);
  element.classList.add("runs");
  return { element, items: Object.fromEntries(items.map((item) => [item.label, item])) };
}

/** How many candidates there are, and how the figure goes with accuracy (Spearman). */
function relationNote(study, kind) {
  const known = study.correlations[kind.figure], { length } = kind.candidates;
  const count = `${length} candidate${length === 1 ? "" : "s"}`;
  return (known ? `${count}; ${known} (Spearman).` : `${count}.`) + (kind.note || "");
}

/** How far the methods are from random genotypes, in deviations of theirs. */
function aboveRandom(study) {
  const known = study.methods.filter((m) => m.above_random !== null);
  if (!known.length) return null;
  const far = known.filter((m) => m.above_random > 2).map((m) => m.name).join(", ") || "none";
  const distance = (m) => `${m.name} ${m.above_random < 0 ? "−" : "+"}${Math.abs(m.above_random).toFixed(1)}`;
  return make("p", { id: "random" }, "From the mean of random genotypes, in standard deviations of theirs: " +
    `${known.map(distance).join(", ")}. More than two above it: ${far}.`);
}

function relationSection(study) {
  const joint = [...new Set(study.candidates.filter((c) => c.trainedOn).map((c) => c.method))];
  const kinds = [
    { head: "The supernet’s own accuracy", title: "validation accuracy of the supernet, %", figure: "supernet_valid_accuracy",
      value: (c) => (c.supernet === null ? null : 100 * c.supernet),
      note: joint.length ? ` Not validation: ${joint.join(", ")}, on images trained on.` : "" },
    { head: "Skip connections", title: "skip connections of the normal cell", figure: "skip_connections_normal",
      value: (c) => c.skips.normal, whole: true },
    { head: "Dominant eigenvalue", title: "dominant eigenvalue, last up to the genotype’s epoch", figure: "eigenvalue",
      value: (c) => c.eigenvalue },
    { head: "Size", title: "parameters, M", figure: "parameters", value: (c) => c.parameters / 1e6 },
  ].map((kind) => ({ ...kind, candidates: study.candidates.filter((c) => kind.value(c) !== null) }))
    .filter((kind) => kind.candidates.length);
  const place = section("relations", "What goes with accuracy");
  const draws = [], all = () => draws.forEach((draw) => draw());
  const { element, items } = methodLegend(study, study.methods.map((method) => method.name), all);
  const panels = make("div", { class: "panels" });
  place.append(element, panels, note("Upwards: top-1 accuracy of the retrained candidates, %."));
  for (const kind of kinds) {
    const chart = new Scatter({ title: kind.title, height: 260, xTitle: kind.title, xWhole: Boolean(kind.whole) });
    const text = (c) => shortNumber(kind.value(c), 4);
    draws.push(() => chart.draw(pointsOf(study, kind.candidates.filter((c) => items[c.method].shown), kind.value,
      (c) => [[kind.title, text(c)]])));
    panels.append(make("div", { class: "panel" }, make("h3", {}, kind.head), chart.svg,
      note(relationNote(study, kind))));
  }
  all();
}

/** Returns what shows a candidate's cells. */
function candidateCells(data) {
  const { study } = data, place = section("cells", "Cells"), view = make("div"), line = make("p", { class: "note" });
  const list = make("select", { "aria-label": "candidate" }, ...study.candidates.map((c, i) =>
    make("option", { value: i }, `${c.name}: ${percent(c.accuracy)} %`)));
  const show = () => {
    const c = study.candidates[list.value];
    line.textContent = `${c.method}, top-1 ${withDeviation(c.accuracy, c.deviation)} %, ` +
      `${millions(c.parameters)} M parameters, ${millions(c.multiplyAdds)} M multiply-adds`;
    view.replaceChildren(new CellPlayer({ cells: c.cells, series: {} }, data.families, () => {}).element);
  };
  list.addEventListener("change", show);
  place.append(make("p", {}, list), line, view);
  list.value = 0;
  show();
  return (candidate) => {
    list.value = study.candidates.indexOf(candidate);
    show();
    place.scrollIntoView();
  };
}

/** Skip connections over the epochs, a panel for each method: lines of whole numbers hide each other. */
function skipSection(data, charts) {
  const key = "skip_connections_normal", runs = data.runs.filter((run) => run.series[key]);
  if (!runs.length) return;
  const most = Math.max(1, ...runs.flatMap((run) => run.series[key][1].map((value) => value ?? 0)));
  const panels = make("div", { class: "panels" });
  section("skips", "Skip connections over the epochs").append(panels,
    note("Of the normal cell, in the genotype of each epoch."));
  for (const method of new Set(runs.map((run) => run.method))) {
    const chart = new Chart({ title: method, height: 170, counts: true, y: [0, most * 1.06] });
    const items = runs.filter((run) => run.method === method).map((run, i) => ({ label: run.name, shown: true,
      line: { colour: run.look.colour, dash: i % DASHES.length }, series: run.series[key] }));
    const draw = () => chart.draw(items.filter((item) => item.shown).map((item) =>
      ({ label: item.label, ...item.line, x: item.series[0], y: item.series[1] })));
    panels.append(make("div", { class: "panel" }, make("h3", {}, method), legend(items, draw), chart.svg));
    draw();
    charts.push({ chart });
  }
}

function studySettings(data) {
  const { study } = data, place = section("settings", "Settings");
  const methods = Object.entries(study.configs).map(([name, config]) => ({ name, config, alone: true }));
  settings(place, methods, "Searches: config.yaml, of each method", (method) => method.config, data.differing.config);
  if (Object.keys(study.training).length) {
    settings(place, [{ name: "all trainings", alone: true }], "Trainings: config.yaml", () => study.training, []);
  }
  settings(place, data.runs, "Searches: environment.json", (run) => run.environment, data.differing.environment);
}
