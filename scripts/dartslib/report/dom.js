// Making elements, and the small signs that several parts of the page share.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element; texts among the children become text, so that no name is read as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function note(...text) {
  return make("p", { class: "note" }, ...text);
}

function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A section of the page with a heading, which the contents name. */
function section(id, title) {
  const element = make("section", { id }, make("h2", {}, title));
  document.getElementById("page").append(element);
  document.getElementById("contents").append(make("a", { href: "#" + id }, title));
  return element;
}

/** The states' names of the paper: c with an index, then the nodes from 0. */
function stateName(state) {
  return state < 2 ? ["c", make("sub", {}, state === 0 ? "k−2" : "k−1")] : [String(state - 2)];
}

/** How a line looks: its colour from the theme (a number) or one that is given. */
function paint(element, colour) {
  if (typeof colour === "number") {
    element.style.setProperty("--c", `var(--c${colour % 8})`);
    element.classList.add("theme-line");
  } else {
    element.style.setProperty("--c", colour);
  }
  return element;
}

const DASHES = ["", "5 3", "1.5 2.5", "8 3 1.5 3"];

/** A short piece of a line, for legends and tooltips. */
function sample(line) {
  const path = makeSvg("path", { class: "line", d: "M0 5H18", "stroke-width": 2.2,
    "stroke-dasharray": DASHES[line.dash || 0] });
  return makeSvg("svg", { width: 18, height: 10 }, paint(path, line.colour));
}

/** Buttons that show and hide lines; `changed` is told after each. Items: {label, line or sign, shown}. */
function legend(items, changed) {
  return make("div", { class: "legend" }, ...items.map((item) => {
    const button = make("button", { type: "button", "aria-pressed": "true", title: "show or hide" },
      item.sign || sample(item.line), item.label);
    button.addEventListener("click", () => {
      item.shown = !item.shown;
      button.setAttribute("aria-pressed", String(item.shown));
      changed();
    });
    return button;
  }));
}

function shortNumber(value, digits = 6) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e7 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
}
