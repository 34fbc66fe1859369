"""A study's folder, as darts_select writes it: what it came to, and which of its runs failed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dartslib.cli import UserError
from dartslib.fields import Fields, load_json, twice
from dartslib.genotype import Genotype, parse_genotype

RESULTS = "results.json"
RANDOM = "random"  # the method that every other one has to beat
HINT = ": darts_select writes it when it ends, also when it is stopped by Ctrl-C"


@dataclass(frozen=True)
class Training:
    """A training of a candidate: its accuracy on the images kept for selection."""

    name: str
    seed: int
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Candidate:
    """A genotype that was retrained; `supernet` is its search's accuracy.

    `validated` tells whether that is of images held out, which joint searches have none of.
    `eigenvalue` is the Hessian's, as last measured up to the genotype's epoch.
    """

    name: str
    method: str
    seed: int
    accuracy: float
    parameters: int
    multiply_adds: int
    skips: dict[str, int]
    supernet: float | None
    validated: bool
    eigenvalue: float | None
    search_seconds: float | None
    trainings: list[Training]
    genotype: Genotype

    @property
    def deviation(self) -> float | None:
        """The standard deviation over the trainings, of more than one."""
        values = [training.accuracy for training in self.trainings]
        return statistics.stdev(values) if len(values) > 1 else None


@dataclass(frozen=True)
class Method:
    """All candidates of a method together."""

    name: str
    seeds: list[int]
    accuracy: float
    deviation: float | None
    interval: tuple[float, float] | None
    parameters: float
    multiply_adds: float
    skips: float
    search_seconds: float
    above_random: float | None  # in standard deviations of the random genotypes


@dataclass(frozen=True)
class Comparison:
    """Two methods, and whether their difference is more than noise."""

    first: str
    second: str
    paired: bool
    difference: float
    t: float | None
    freedom: float
    p: float
    corrected_p: float
    within_noise: bool


@dataclass(frozen=True)
class Correlation:
    """How a figure of so many candidates goes with their retrained accuracy (Spearman)."""

    candidates: int
    rank: float
    p: float

    def __str__(self) -> str:
        """Say it as a picture or a page does."""
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
        return f"rank correlation {self.rank:.2f}, n = {self.candidates}, {p}"


@dataclass(frozen=True)
class Winner:
    """The best candidate's networks on the test set."""

    candidate: str
    compared: list[str]
    test: list[float]


@dataclass(frozen=True)
class Study:
    """What a study has come to so far; `failed` has the runs' reasons."""

    name: str
    hold_out: int
    candidates: list[Candidate]
    methods: list[Method]
    comparisons: list[Comparison]
    correlations: dict[str, Correlation]  # by figures, of those that vary
    missing: list[str]
    winner: Winner | None
    failed: dict[str, str]

    def of(self, method: str) -> list[Candidate]:
        """Return a method's candidates."""
        return [candidate for candidate in self.candidates if candidate.method == method]

    @property
    def random(self) -> Method | None:
        """Random genotypes, if there are any."""
        return next((method for method in self.methods if method.name == RANDOM), None)


def is_study(folder: Path) -> bool:
    """Tell a study's folder from a run directory."""
    parts = (RESULTS, "searches", "trainings")
    has = any((folder / part).exists() for part in parts)
    return has and not (folder / "config.yaml").exists()


def read_study(folder: Path) -> Study:
    """Read and check results.json and the outcomes of the runs."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of a study")
    path = folder / RESULTS
    fields = Fields(
        load_json(path, HINT),
        str(path),
        "study hold_out candidates methods comparisons correlations missing winner",
    )
    study = Study(
        fields.text("study"),
        fields.whole("hold_out"),
        fields.each("candidates", _candidate),
        fields.each("methods", _method),
        fields.each("comparisons", _comparison),
        dict(c for c in fields.each("correlations", _correlation) if c[1]),
        fields.names("missing"),
        fields.maybe("winner", _winner),
        _failures(folder),
    )
    _check(study, path)
    return study


def _check(study: Study, path: Path) -> None:
    """Make sure that names mean one thing each, and that what is named is there."""
    for what, names in (
        ("candidates", [c.name for c in study.candidates] + study.missing),
        ("methods", [method.name for method in study.methods]),
    ):
        if name := twice(names):
            raise UserError(f"{path}: two {what} are called '{name}'")
    methods = {method.name for method in study.methods}
    used = [candidate.method for candidate in study.candidates]
    used += [name for c in study.comparisons for name in (c.first, c.second)]
    for name in used:
        if name not in methods:
            raise UserError(f"{path}: '{name}' is none of the methods")
    for name in methods - set(used):
        raise UserError(f"{path}: the method '{name}' has no candidates")


def _candidate(value: Any, where: str) -> Candidate:
    fields = Fields(
        value,
        where,
        "name method seed selection_top1 parameters multiply_adds skip_connections_normal "
        "skip_connections_reduce search trainings genotype",
    )
    name, search = fields.name("name"), fields.maybe("search", _search)
    genotype = parse_genotype(fields.text("genotype"), f"{where}: genotype", name)
    supernet, validated, eigenvalue, seconds = search or (None, False, None, None)
    return Candidate(
        name,
        fields.name("method"),
        fields.whole("seed"),
        fields.share("selection_top1"),
        fields.whole("parameters"),
        fields.whole("multiply_adds"),
        {cell: fields.whole(f"skip_connections_{cell}") for cell in ("normal", "reduce")},
        supernet,
        validated,
        eigenvalue,
        seconds,
        fields.each("trainings", _training),
        genotype,
    )


def _search(value: Any, where: str) -> tuple[float, bool, float | None, float]:
    fields = Fields(value, where, "seconds valid_accuracy", "valid_images eigenvalue")
    validated = not fields.has("valid_images") or fields.text("valid_images") == "held out"
    eigenvalue = fields.number_or_none("eigenvalue") if fields.has("eigenvalue") else None
    return fields.share("valid_accuracy"), validated, eigenvalue, fields.number("seconds")


def _training(value: Any, where: str) -> Training:
    fields = Fields(value, where, "name seed selection_top1 seconds")
    return Training(
        fields.name("name"),
        fields.whole("seed"),
        fields.share("selection_top1"),
        fields.number("seconds"),
    )


def _method(value: Any, where: str) -> Method:
    fields = Fields(
        value,
        where,
        "name candidates seeds selection_top1 standard_deviation parameters multiply_adds "
        "skip_connections_normal search_seconds above_random",
        optional="interval_95",
    )
    if fields.whole("candidates") != len(fields.wholes("seeds")):
        raise UserError(f"{where}: 'candidates' and 'seeds' differ")
    return Method(
        fields.name("name"),
        fields.wholes("seeds"),
        fields.share("selection_top1"),
        fields.number_or_none("standard_deviation"),
        fields.pair("interval_95"),
        fields.number("parameters"),
        fields.number("multiply_adds"),
        fields.number("skip_connections_normal"),
        fields.number("search_seconds"),
        fields.number_or_none("above_random"),
    )


def _comparison(value: Any, where: str) -> Comparison:
    fields = Fields(
        value,
        where,
        "first second paired difference t degrees_of_freedom p p_corrected within_noise",
    )
    return Comparison(
        fields.name("first"),
        fields.name("second"),
        fields.truth("paired"),
        fields.number("difference"),
        fields.number_or_none("t"),
        fields.number("degrees_of_freedom"),
        fields.share("p"),
        fields.share("p_corrected"),
        fields.truth("within_noise"),
    )


def _correlation(value: Any, where: str) -> tuple[str, Correlation | None]:
    fields = Fields(value, where, "figure candidates rank_correlation p")
    figure, candidates = fields.name("figure"), fields.whole("candidates")
    rank, p = fields.number_or_none("rank_correlation"), fields.number_or_none("p")
    known = None if rank is None or p is None else Correlation(candidates, rank, p)
    return figure, known


def _winner(value: Any, where: str) -> Winner:
    fields = Fields(value, where, "candidate compared test_top1")
    return Winner(fields.name("candidate"), fields.names("compared"), fields.shares("test_top1"))


def _failures(folder: Path) -> dict[str, str]:
    """Return why runs failed, by their names."""
    found = {}
    for path in sorted((folder / "outcomes").glob("*.json")):
        fields = Fields(load_json(path), str(path), "finished", optional="reason")
        if not fields.truth("finished"):
            found[path.stem] = fields.text("reason") if fields.has("reason") else "failed"
    return found
