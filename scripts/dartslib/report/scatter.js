// Points: one for each candidate of a study.
"use strict";

const MARKS = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-3.6-3.6h7.2v7.2h-7.2Z", "M0-4.8L4.6 3.6H-4.6Z", "M0-5L5 0 0 5-5 0Z"];
const QUIET = "var(--quiet)";
const NEAR = 28; // of the pointer to a point, in the drawing's units

/** A method's look: its colour and mark, another one in each round of the 8 colours; without a number, as random, grey. */
function lookOf(number) {
  if (number === null) return { colour: QUIET, mark: 0 };
  return { colour: number, mark: (number + Math.floor(number / 8)) % MARKS.length };
}

function mark(look) {
  return paint(makeSvg("path", { class: "mark", d: MARKS[look.mark] }), look.colour);
}

/** A mark for legends. */
function markSample(look) {
  const svg = makeSvg("svg", { width: 12, height: 12, viewBox: "-6 -6 12 12" });
  svg.append(mark(look));
  return svg;
}

/**
 * Points {label, look, x, y, rows} over a number; `rows` are the texts that the tooltip shows, each
 * [name, text]. Options: those of a chart, and xTitle; xWhole: only whole numbers below.
 */
class Scatter extends Chart {
  constructor(options) {
    super({ xWhole: false, ...options });
    this.points = [];
  }

  draw(points) {
    this.points = points;
    this.svg.replaceChildren();
    const xs = points.map((point) => point.x), low = Math.min(...xs), high = Math.max(...xs);
    const room = this.options.xWhole ? 0.4 : (high - low) * 0.05 || Math.abs(high) * 0.05 || 0.5;
    this.options.x = points.length ? [low - room, high + room] : [0, 1];
    this.range(points.map((point) => [point.x, point.y]));
    this.axes();
    for (const point of points) this.put(point, this.px(point.x), this.py(point.y));
    this.svg.setAttribute("aria-label", `${this.options.title}: ${points.length} points`);
  }

  put(point, x, y) {
    point.at = [x, y];
    const sign = mark(point.look);
    sign.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    this.svg.append(sign);
    point.sign = sign;
  }

  hover(event) {
    const box = this.svg.getBoundingClientRect(), scale = this.options.width / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    const far = (point) => Math.hypot(point.at[0] - x, point.at[1] - y);
    const nearest = this.points.reduce((a, b) => (a && far(a) <= far(b) ? a : b), null);
    this.leave();
    if (!nearest || far(nearest) > NEAR) return;
    const same = this.points.filter((point) => point.at.join() === nearest.at.join());
    for (const point of same) point.sign.classList.add("near");
    const tooltip = same.flatMap((point) => [
      make("div", {}, markSample(point.look), point.label),
      ...point.rows.map(([name, text]) => make("div", {}, name, make("b", {}, text))),
    ]);
    placeTooltip(event, tooltip);
  }

  leave() {
    super.leave();
    for (const point of this.points) point.sign?.classList.remove("near");
  }
}
