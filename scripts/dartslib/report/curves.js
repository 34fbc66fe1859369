// The curves of every figure, of all runs in one chart.
"use strict";

/** Shows the panels of one group; returns their charts. */
function curves(parent, data, group, runs) {
  const grid = make("div", { class: "panels" });
  parent.append(grid);
  const charts = data.panels.filter((panel) => panel.group === group).map((panel) => {
    const box = make("div", { class: "panel" }, make("h3", {}, panel.title));
    const alone = data.runs.length === 1;
    const lines = panel.lines.map((line, index) => ({
      key: line.key, label: line.label, shown: true,
      line: { colour: alone ? index : "var(--quiet)", dash: alone ? 0 : index },
    }));
    const chart = new Chart({ title: panel.title, counts: panel.counts, borders: alone ? data.runs[0].borders : [] });
    const draw = () => chart.draw(linesOf(data, panel, lines, runs));
    if (lines.length > 1) box.append(legend(lines, draw));
    box.append(chart.svg);
    grid.append(box);
    draw();
    return { chart, draw };
  });
  return charts;
}

/** The lines that are shown: those of every run that is shown, by colour, in dashes by figure. */
function linesOf(data, panel, lines, runs) {
  const alone = data.runs.length === 1;
  return data.runs.flatMap((run, number) => lines.flatMap((item, index) => {
    const series = run.series[item.key];
    if (!series || !item.shown || !runs[number].shown) return [];
    const label = [alone ? "" : run.name, item.label].filter(Boolean).join(", ") || panel.title;
    return [{ label, colour: alone ? index : run.look?.colour ?? number, dash: alone ? 0 : index, x: series[0],
      y: series[1].map((y) => (y === null ? null : y * panel.factor)) }];
  }));
}
