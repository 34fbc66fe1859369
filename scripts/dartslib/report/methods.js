// How methods compare: all their candidates, mean and interval, a row each.
"use strict";

const ROW = 38, HEAD = 8, FOOT = 34, LETTERS = 7.1;

class MethodsPlot extends Scatter {
  /** `methods` in the order of rows; `pointsOf(method)`: its points, whose x is the accuracy. */
  constructor(methods, pointsOf, reference) {
    super({ title: "Accuracy of all candidates by method", width: 640, height: HEAD + FOOT + ROW * methods.length });
    this.svg.classList.add("methods");
    this.left = 14 + LETTERS * Math.min(26, Math.max(...methods.map((method) => method.name.length)));
    const rows = methods.map((method) => ({ method, points: pointsOf(method) }));
    const all = rows.flatMap(({ method, points }) =>
      [...points.map((point) => point.x), ...(method.interval || []).map((share) => 100 * share)]);
    // An interval of two values may be as wide as can be: the points have to be told apart.
    const xs = rows.flatMap(({ points }) => points.map((point) => point.x));
    const least = Math.min(...xs), most = Math.max(...xs), span = most - least || 1;
    const low = Math.max(Math.min(...all), least - span, 0), high = Math.min(Math.max(...all), most + span, 100);
    const room = 0.03 * (high - low) || 0.5;
    this.area = { low: low - room, high: high + room, right: 632, head: HEAD, foot: this.options.height - FOOT };
    this.axis();
    if (reference !== null) this.vertical(100 * reference, "reference");
    rows.forEach(({ method, points }, row) => this.row(method, points, HEAD + ROW * (row + 0.5)));
    this.svg.setAttribute("aria-label", `${this.options.title}: ${methods.map((method) => method.name).join(", ")}`);
  }

  axis() {
    const { low, high, right, foot } = this.area, values = ticks(low, high, 8, false), texts = tickTexts(values);
    values.forEach((value, i) => {
      this.vertical(value, "grid");
      this.svg.append(makeSvg("text", { x: this.px(value), y: foot + 14, "text-anchor": "middle" }, texts[i]));
    });
    this.svg.append(makeSvg("path", { class: "axis", d: `M${this.left} ${foot}H${right}` }),
      makeSvg("text", { x: (this.left + right) / 2, y: foot + 29, "text-anchor": "middle" }, "top-1, %"));
  }

  row(method, points, y) {
    const { low, high } = this.area, x = (share) => this.px(Math.min(high, Math.max(low, 100 * share)));
    const name = method.name.length > 26 ? method.name.slice(0, 25) + "…" : method.name;
    this.svg.append(makeSvg("text", { class: "name", x: this.left - 8, y: y + 4, "text-anchor": "end" }, name));
    const colour = points[0]?.look.colour ?? QUIET;
    const line = (d, width) => this.svg.append(paint(makeSvg("path", { class: "line", d, "stroke-width": width }), colour));
    if (method.interval) {
      const [from, to] = method.interval.map(x);
      line(`M${from} ${y}H${to}`, 1.6);
      // Without an end the interval goes on outside.
      for (const share of method.interval) {
        if (100 * share >= low && 100 * share <= high) line(`M${x(share)} ${y - 5}v10`, 1.6);
      }
    }
    if (points.length > 1) line(`M${x(method.accuracy)} ${y - 13}v26`, 3);
    const placed = [];
    for (const point of [...points].sort((a, b) => a.x - b.x)) {
      const at = this.px(point.x);
      const offsets = [0, 8, -8, 15, -15];
      const free = (offset) => placed.every(([px, py]) => Math.abs(px - at) > 8 || Math.abs(py - offset) > 7);
      // Where every place is taken: where the nearest point is farthest away.
      const room = (offset) => Math.min(...placed.map(([px, py]) => Math.hypot(px - at, py - offset)));
      const offset = offsets.find(free) ?? offsets.reduce((best, other) => room(other) > room(best) ? other : best);
      placed.push([at, offset]);
      this.points.push(point);
      this.put(point, at, y + offset);
    }
  }
}
