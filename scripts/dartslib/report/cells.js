// Both cells of a run, epoch by epoch.
"use strict";

const FRAME_MILLISECONDS = 700;
const CELL_NAMES = { normal: "Normal cell", reduce: "Reduction cell" };

/** A drawing of a cell that shows one epoch of it. */
class CellView {
  constructor(cell, families, colours) {
    this.cell = cell;
    this.families = families;
    this.colours = colours;
    const parsed = new DOMParser().parseFromString(cell.svg, "image/svg+xml").documentElement;
    this.svg = document.importNode(parsed, true);
    this.svg.setAttribute("role", "img");
    const points = parseFloat(this.svg.getAttribute("width"));
    this.svg.style.minWidth = `${Math.min(points, 700)}px`;
    this.svg.style.maxWidth = `${1.35 * points}px`;
    this.svg.removeAttribute("width");
    this.svg.removeAttribute("height");
  }

  all(name) {
    return this.svg.querySelectorAll("." + name);
  }

  present(name, is) {
    for (const part of this.all(name)) part.classList.toggle("away", !is);
  }

  /** Shows a frame; what is not as in `before` (a frame, or null) has a thick rim. */
  show(frame, before) {
    frame.operations.forEach((operation, place) => {
      this.present("op_" + place, operation !== "");
      this.present("edge_" + place, operation !== "");
      const box = this.svg.querySelector(".op_" + place);
      if (operation !== "") {
        box.querySelector("text").textContent = operation;
        box.style.setProperty("--c", this.colours[this.families[operation]].border);
      }
      box.classList.toggle("changed", before !== null && before.operations[place] !== operation);
    });
    for (const state of this.cell.states) this.present("state_" + state, frame.states.includes(state));
    for (const state of this.cell.outputs) this.present("output_" + state, frame.outputs.includes(state));
  }
}

/** The cells of one run with a slider; `moved` is told the epoch that is shown. */
class CellPlayer {
  constructor(run, families, moved) {
    const { cells } = run;
    this.run = run;
    this.moved = moved;
    this.element = make("div");
    this.views = Object.entries(cells.kinds).map(([kind, cell]) => {
      const view = new CellView(cell, cells.families, families);
      const box = make("div", { class: "cell wide", "data-cell": kind }, view.svg);
      this.element.append(make("h3", {}, CELL_NAMES[kind]), box);
      return view;
    });
    this.slider = make("input", { type: "range", min: 0, max: cells.epochs.length - 1, "aria-label": "epoch" });
    this.slider.value = cells.result;
    this.label = make("output");
    this.play = make("button", { type: "button" }, "▶ play");
    this.player = make("div", { class: "player" }, this.play, this.slider, this.label);
    this.player.hidden = cells.epochs.length < 2;
    this.notation = make("code");
    this.element.prepend(this.player);
    this.element.append(keysOf(cells.families, families, cells.epochs.length > 1),
      make("details", {}, make("summary", {}, "as text"), this.notation));
    this.slider.addEventListener("input", () => { this.stop(); this.show(); });
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
    this.show();
  }

  show() {
    const at = Number(this.slider.value), { cells } = this.run, epoch = cells.epochs[at];
    Object.values(cells.kinds).forEach((cell, index) =>
      this.views[index].show(cell.frames[at], at > 0 ? cell.frames[at - 1] : null));
    const accuracy = valueAt(this.run, "valid_accuracy", epoch);
    const result = at === cells.result && at < cells.epochs.length - 1 ? ", the result" : "";
    const text = result + (accuracy === null ? "" : `, accuracy ${(100 * accuracy).toFixed(2)} %`);
    this.label.textContent = `epoch ${epoch} of ${cells.epochs.at(-1)}${text}`;
    this.notation.textContent = cells.notation[at];
    if (cells.searched) this.moved(epoch);
  }

  start() {
    if (Number(this.slider.value) >= Number(this.slider.max)) this.slider.value = 0;
    this.play.textContent = "⏸ pause";
    this.timer = setInterval(() => this.advance(), FRAME_MILLISECONDS);
    this.show();
  }

  advance() {
    this.slider.value = Number(this.slider.value) + 1;
    this.show();
    if (Number(this.slider.value) >= Number(this.slider.max)) this.stop();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "▶ play";
  }
}

/** A run's figure in an epoch; null where there is none. */
function valueAt(run, key, epoch) {
  const series = run.series[key];
  return series?.[1][series[0].indexOf(epoch)] ?? null;
}

/** What the colours of boxes stand for. */
function keysOf(used, families, changes) {
  const indices = new Set(Object.values(used));
  const signs = families.flatMap((family, index) => {
    if (!indices.has(index)) return [];
    const sign = make("i", { class: "family" });
    sign.style.setProperty("--c", family.border);
    return [make("span", {}, sign, family.name)];
  });
  return make("div", { class: "keys" }, ...signs,
    ...(changes ? [make("span", {}, "thick rim: changed in this epoch")] : []));
}
