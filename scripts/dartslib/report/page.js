// Puts the page together.
"use strict";

function page(data) {
  const { runs } = data;
  runs.forEach((run, number) => Object.assign(run, { number, alone: runs.length === 1 }));
  const charts = [];
  if (data.study) {
    studyPage(data, charts);
    if (data.panels.length) curveSections(data, charts);
    studySettings(data);
  } else {
    runsPage(data, charts);
  }
  charts.first?.();
}

function runsPage(data, charts) {
  const { runs } = data;
  const overview = section("runs", runs.length > 1 ? "Runs" : "Run");
  overview.append(table(runs, keysIn(runs, (run) => run.summary), (run) => run.summary));
  for (const run of runs.filter((run) => run.broken)) {
    overview.append(make("p", { class: "warning" }, `${run.name} diverged; not finite: ${run.broken}`));
  }
  const trained = runs.filter((run) => Object.keys(run.result).length);
  if (trained.length) {
    overview.append(make("h3", {}, "Result of the training"),
      table(trained, keysIn(trained, (run) => run.result), (run) => run.result));
  }
  const mark = (epoch) => charts.forEach(({ chart }) => chart.mark(epoch));
  cellSection(data, mark, charts);
  if (data.panels.length) curveSections(data, charts);
  weightSection(data, charts);
  decisionSection(data);
  const last = section("settings", "Settings");
  settings(last, runs, "config.yaml", (run) => run.config, data.differing.config);
  settings(last, runs, "environment.json", (run) => run.environment, data.differing.environment);
}

/** A choice among the runs for which `has` holds; calls `chosen(run)` now and at every change. */
function chooser(parent, runs, has, chosen) {
  const able = runs.filter(has);
  const place = make("div");
  if (able.length > 1) {
    const list = make("select", { "aria-label": "run" }, ...able.map((run, i) => make("option", { value: i }, run.name)));
    list.addEventListener("change", () => chosen(able[list.value], place));
    parent.append(make("p", {}, list));
  }
  parent.append(place);
  if (able.length) chosen(able[0], place);
}

function cellSection(data, mark, charts) {
  if (!data.runs.some((run) => run.cells)) return;
  let player = null;
  chooser(section("cells", "Cells"), data.runs, (run) => run.cells, (run, place) => {
    player?.stop();
    mark(null);
    player = new CellPlayer(run, data.families, mark);
    place.replaceChildren(player.element);
  });
  charts.first = () => player.show();
}

function curveSections(data, charts) {
  const learning = section("curves", data.study ? "Curves of the searches" : "Curves"), drawn = [];
  const draw = () => drawn.forEach((one) => one.draw());
  let shown = data.runs.map((run, number) => ({ label: run.name, shown: true, line: { colour: number } }));
  if (data.study && data.runs.length > 1) {
    const methods = methodLegend(data.study, [...new Set(data.runs.map((run) => run.method))], draw);
    shown = data.runs.map((run) => methods.items[run.method]);
    learning.append(methods.element);
  } else if (data.runs.length > 1) {
    const runs = legend(shown, draw);
    runs.classList.add("runs");
    learning.append(runs);
  }
  drawn.push(...curves(learning, data, "learning", shown));
  if (data.panels.some((panel) => panel.group === "speed")) {
    drawn.push(...curves(section("speed", "Throughput"), data, "speed", shown));
  }
  if (data.study) {
    learning.append(note("A search’s cells and weights by epoch: scripts/report.py STUDY_DIR/searches/NAME."));
  }
  charts.push(...drawn);
}

function weightSection(data, charts) {
  if (!data.runs.some((run) => run.alphas)) return;
  let of = [];
  chooser(section("weights", "Weights of operations"), data.runs, (run) => run.alphas, (run, place) => {
    const view = new WeightsView(run), now = charts[0]?.chart.now ?? null;
    charts.splice(0, charts.length, ...charts.filter((entry) => !of.includes(entry)), ...view.charts);
    of = view.charts;
    of.forEach(({ chart }) => chart.mark(now));
    place.replaceChildren(view.element);
  });
}

page(JSON.parse(document.getElementById("data").textContent));
