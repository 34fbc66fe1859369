// How much every edge's operations weigh over the epochs: a row is a node, a column a state.
"use strict";

/** The weights of one run, in `element`; `charts` are all of them. */
class WeightsView {
  constructor(run) {
    const { alphas } = run;
    this.alphas = alphas;
    this.charts = [];
    this.draws = [];
    this.borders = run.borders;
    this.operations = alphas.names.map((name, i) => ({ label: name, shown: true, line: { colour: alphas.colours[i] } }));
    const all = Object.values(alphas.cells).flatMap((edges) => edges.flatMap((edge) => edge.weights.flat()));
    this.top = 1.05 * all.reduce((a, b) => Math.max(a, b ?? 0), 0) || 1;
    const two = make("div", { class: "two" });
    this.element = make("div", {},
      make("p", { class: "note" }, `${alphas.of} of every edge; epoch 0 is before the first step. ` +
        "Thick: ends highest, none apart."),
      legend(this.operations, () => this.draws.forEach((draw) => draw())), two);
    for (const [kind, edges] of Object.entries(alphas.cells)) {
      two.append(make("div", {}, make("h3", {}, CELL_NAMES[kind]), this.cell(edges)));
    }
    if (Object.keys(alphas.edges).length) this.element.append(this.edgeWeights());
  }

  chart(options) {
    const { epochs } = this.alphas;
    const chart = new Chart({ width: 140, height: 92, small: true, borders: this.borders,
      x: [epochs[0], Math.max(epochs.at(-1), epochs[0] + 1)], ...options });
    this.charts.push({ chart });
    return chart;
  }

  cell(edges) {
    const { nodes } = this.alphas;
    const grid = make("div", { class: "edges" });
    grid.style.gridTemplateColumns = `repeat(${nodes + 1}, minmax(0, 14rem))`;
    let number = 0;
    for (let node = 0; node < nodes; node++) {
      for (let state = 0; state < node + 2; state++) {
        const edge = edges[number++], chart = this.chart({ y: [0, this.top] });
        const draw = () => chart.draw(this.lines(edge));
        this.draws.push(draw);
        draw();
        const figure = make("figure", {}, make("figcaption", {}, ...stateName(state), ` → ${node}`), chart.svg);
        figure.style.gridArea = `${node + 1} / ${state + 1}`;
        grid.append(figure);
      }
    }
    return grid;
  }

  lines(edge) {
    const { names, epochs } = this.alphas;
    const last = edge.weights.map((weights, i) => (names[edge.names[i]] === "none" ? -1 : weights.at(-1) ?? -1));
    const best = last.indexOf(Math.max(...last));
    return edge.names.flatMap((name, i) => {
      const operation = this.operations[name];
      if (!operation.shown) return [];
      return [{ label: operation.label, colour: operation.line.colour, width: i === best ? 2.4 : 1.2,
        x: epochs, y: edge.weights[i] }];
    });
  }

  /** How much the edges into every node weigh, where the method has that. */
  edgeWeights() {
    const { alphas } = this;
    const states = Array.from({ length: alphas.nodes + 1 }, (_, state) => ({
      label: "from " + (state < 2 ? `c(k−${2 - state})` : state - 2), shown: true, line: { colour: state },
    }));
    const draws = [];
    const two = make("div", { class: "two" });
    for (const [kind, rows] of Object.entries(alphas.edges)) {
      two.append(make("div", {}, make("h3", {}, CELL_NAMES[kind]), this.intoNodes(rows, states, draws)));
    }
    return make("div", {}, make("p", { class: "note" }, `Edges into every node: ${alphas.edgesOf}.`),
      legend(states, () => draws.forEach((draw) => draw())), two);
  }

  intoNodes(rows, states, draws) {
    const { nodes, epochs } = this.alphas;
    const grid = make("div", { class: "edges" });
    grid.style.gridTemplateColumns = `repeat(${nodes}, minmax(0, 14rem))`;
    let number = 0;
    for (let node = 0; node < nodes; node++) {
      const lines = states.slice(0, node + 2).map((state) =>
        ({ state, label: state.label, colour: state.line.colour, x: epochs, y: rows[number++] }));
      const chart = this.chart({ y: [0, 1.05] });
      draws.push(() => chart.draw(lines.filter((line) => line.state.shown)));
      draws.at(-1)();
      grid.append(make("figure", {}, make("figcaption", {}, `into ${node}`), chart.svg));
    }
    return grid;
  }
}
