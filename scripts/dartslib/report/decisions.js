// What a selection by perturbation decided, and how the supernet does without each candidate.
"use strict";

function decisionSection(data) {
  if (!data.runs.some((run) => run.decisions)) return;
  chooser(section("decisions", "Decisions of the selection"), data.runs, (run) => run.decisions, (run, place) => {
    const { by, list } = run.decisions, accuracy = by === "accuracy";
    const value = (trial) => (accuracy ? percent(trial.value) : shortNumber(trial.value, 4));
    const columns = [
      { title: "epoch", value: (d) => d.epoch },
      { title: "cell", value: (d) => CELL_NAMES[d.cell] },
      { title: "edge", value: (d) => d.subject, show: (d) => stateNames(d.subject) },
      { title: "kept", value: (d) => d.kept.join(", "),
        show: (d) => make("strong", {}, stateNames(d.kept.join(", "))) },
      { title: accuracy ? "accuracy without, %" : "loss without", value: (d) => "", show: (d) => make("div", {},
        ...d.rounds.map((trials) => make("div", { class: "trials" }, ...trials.map((trial) =>
          make("span", d.kept.includes(trial.name) ? { class: "kept" } : {}, stateNames(trial.name), " ",
            make("b", {}, trial.value === null ? "–" : value(trial))))))) },
    ];
    const text = `The ${by} of the supernet without each candidate: kept is the operation without which it does ` +
      "worst; of a node’s edges the one goes, round by round, without which it does best. Made before the first step " +
      "of the epoch.";
    place.replaceChildren(note(text), dataTable(columns, list, false));
  });
}

/** A text with the names of states in it, c_{k-1} and c_{k-2}, as they are written elsewhere. */
function stateNames(text) {
  return make("span", {}, ...text.split(/(c_\{k-[12]\})/).flatMap((part) => {
    const found = /^c_\{k-([12])\}$/.exec(part);
    return found ? stateName(2 - Number(found[1])) : [part];
  }));
}
