// A chart of lines over epochs.
"use strict";

/** About `count` round numbers from `low` to `high`. */
function ticks(low, high, count, whole) {
  // Of values that differ in their last digits there is one tick: smaller steps are lost in rounding.
  const span = Math.max(high - low, 1e-9 * Math.max(Math.abs(low), Math.abs(high))) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  let step = [1, 2, 5, 10].map((f) => f * power).find((s) => span / s <= count);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/** Writes ticks with the digits that tell them apart. */
function tickTexts(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 0;
  const most = Math.max(...values.map(Math.abs));
  const digits = step ? Math.ceil(Math.log10(most / step) - 1e-9) + 1 : 4;
  return values.map((value) => shortNumber(value, Math.max(digits, 2)));
}

/**
 * Draws lines {label, colour, dash, width, x, y} into an SVG element. A null in y is a gap.
 * Options: width, height; x and y: ranges instead of the lines' own; counts: whole numbers from 0
 * up; xTitle, xWhole: what is below; borders: epochs between which stages change; small: fewer and smaller signs.
 */
class Chart {
  constructor(options) {
    this.options = { width: 360, height: 210, borders: [], xTitle: "epoch", xWhole: true, ...options };
    const { width, height } = this.options;
    this.svg = makeSvg("svg", { class: options.small ? "chart small" : "chart", viewBox: `0 0 ${width} ${height}`, role: "img" });
    this.lines = [];
    this.now = null;
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerdown", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", () => this.leave());
  }

  /** Shows these lines instead of those before. */
  draw(lines) {
    this.lines = lines;
    this.svg.replaceChildren();
    const points = lines.flatMap((line) => line.y.flatMap((y, i) => (y === null ? [] : [[line.x[i], y]])));
    this.range(points);
    this.axes();
    for (const border of this.options.borders) this.vertical(border, "border");
    for (const line of lines) this.line(line);
    this.mark(this.now);
    const names = [...new Set(lines.map((line) => line.label))].join(", ");
    this.svg.setAttribute("aria-label", `${this.options.title || "chart"}: ${names}`);
  }

  range(points) {
    const { x, y, counts, width, height, small } = this.options;
    const xs = points.map((point) => point[0]), ys = points.map((point) => point[1]);
    const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
    const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
    let [low, high] = x || (points.length ? [least(xs), most(xs)] : [0, 1]);
    if (low === high) [low, high] = [low - 1, high + 1];
    let [bottom, top] = y || (points.length ? [least(ys), most(ys)] : [0, 1]);
    if (counts) [bottom, top] = [0, Math.max(1, top)];
    if (!y) {
      const room = bottom === top ? Math.abs(top) * 0.1 || 1 : (top - bottom) * 0.06;
      [bottom, top] = [bottom === 0 ? 0 : bottom - room, top + room];
    }
    this.yTicks = ticks(bottom, top, small ? 3 : 5, counts);
    this.yTexts = tickTexts(this.yTicks);
    const longest = Math.max(...this.yTexts.map((text) => text.length), 1);
    this.left = small ? 7 + 5 * longest : 10 + 6 * longest;
    this.area = { low, high, bottom, top, right: width - 8, foot: height - (small ? 16 : 32), head: 6 };
  }

  px(x) {
    const { low, high, right } = this.area;
    return this.left + ((x - low) / (high - low)) * (right - this.left);
  }

  py(y) {
    const { bottom, top, foot, head } = this.area;
    return foot - ((y - bottom) / (top - bottom)) * (foot - head);
  }

  axes() {
    const { low, high, right, foot } = this.area;
    this.yTicks.forEach((tick, i) => {
      const y = this.py(tick);
      this.svg.append(makeSvg("path", { class: "grid", d: `M${this.left} ${y}H${right}` }),
        makeSvg("text", { x: this.left - 5, y: y + 3.5, "text-anchor": "end" }, this.yTexts[i]));
    });
    this.svg.append(makeSvg("path", { class: "axis", d: `M${this.left} ${foot}H${right}` }));
    for (const tick of ticks(low, high, this.options.small ? 3 : 6, this.options.xWhole)) {
      this.svg.append(makeSvg("text", { x: this.px(tick), y: foot + 13, "text-anchor": "middle" }, String(tick)));
    }
    if (!this.options.small) {
      const middle = (this.left + right) / 2;
      this.svg.append(makeSvg("text", { x: middle, y: foot + 27, "text-anchor": "middle" }, this.options.xTitle));
    }
  }

  line(line) {
    let d = "", pen = false;
    const known = line.x.map((x, i) => [x, line.y[i]]);
    for (const [x, y] of known) {
      if (y !== null) d += `${pen ? "L" : "M"}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`;
      pen = y !== null;
    }
    const path = makeSvg("path", { class: "line", d, "stroke-width": line.width || 1.7,
      "stroke-dasharray": DASHES[line.dash || 0] });
    this.svg.append(paint(path, line.colour));
    const drawn = known.filter((point) => point[1] !== null);
    if (drawn.length > (this.options.small ? 1 : 30)) return;
    for (const [x, y] of drawn) {
      this.svg.append(paint(makeSvg("circle", { class: "point", cx: this.px(x), cy: this.py(y), r: 2.3 }),
        line.colour));
    }
  }

  vertical(x, kind) {
    const { low, high, head, foot } = this.area;
    if (x < low || x > high) return null;
    const path = makeSvg("path", { class: kind, d: `M${this.px(x)} ${head}V${foot}` });
    this.svg.append(path);
    return path;
  }

  /** Marks the epoch that the cells are shown of; null: none. */
  mark(epoch) {
    this.now = epoch;
    this.svg.querySelector(".now")?.remove();
    if (epoch !== null && this.area) this.vertical(epoch, "now");
  }

  hover(event) {
    const box = this.svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * this.options.width;
    const xs = [...new Set(this.lines.flatMap((line) => line.x))];
    if (!xs.length) return;
    const x = xs.reduce((a, b) => (Math.abs(this.px(b) - at) < Math.abs(this.px(a) - at) ? b : a));
    this.svg.querySelector(".hover")?.remove();
    this.vertical(x, "hover");
    const rows = this.lines.flatMap((line) => {
      const value = line.y[line.x.indexOf(x)];
      return value === undefined || value === null ? [] : [{ line, value }];
    });
    rows.sort((a, b) => b.value - a.value);
    showTooltip(event, `epoch ${x}`, rows);
  }

  leave() {
    this.svg.querySelector(".hover")?.remove();
    document.getElementById("tooltip").hidden = true;
  }
}

/** Shows values beside the pointer. */
function showTooltip(event, title, rows) {
  placeTooltip(event, [title, ...rows.map(({ line, value }) =>
    make("div", {}, sample(line), line.label, make("b", {}, shortNumber(value))))]);
}

function placeTooltip(event, content) {
  const tooltip = document.getElementById("tooltip");
  tooltip.replaceChildren(...content);
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  const left = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
  const top = Math.min(event.clientY + 12, innerHeight - height - 4);
  tooltip.style.left = `${Math.max(4, left)}px`;
  tooltip.style.top = `${Math.max(4, top)}px`;
}
