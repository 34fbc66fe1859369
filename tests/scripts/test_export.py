from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Script, fails_in_one_line

import export
import import_reference
from dartslib import logits_check
from dartslib.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from dartslib.cli import UserError
from dartslib.genotype import built_in_names, load_genotype, record_of
from dartslib.logits_check import check_onnx, find_darts_eval, onnx_logits, our_logits
from dartslib.stored_network import read_network
from dartslib.torch_file import read_tensors, write_tensors

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"
GOLDEN_NETWORKS = sorted(GOLDEN.glob("eval_*.pt"))

UNEVEN = {  # another number of edges at every node, unlike the original's two
    "format": "darts-genotype",
    "version": 2,
    "name": "uneven",
    "normal": [
        [["sep_conv_7x7", 1]],
        [],
        [["dil_conv_5x5", 2], ["none", 0], ["none", 1], ["skip_connect", 1]],
    ],
    "normal_concat": [4, 2],
    "reduce": [
        [["none", 0], ["avg_pool_3x3", 1]],
        [["none", 2], ["none", 0], ["skip_connect", 1]],
        [],
    ],
    "reduce_concat": [3],
}


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, where it can be imported (not in a CPU-only set-up for C++ alone)."""
    try:
        import torch
    except (ImportError, OSError, ValueError) as error:
        pytest.skip(f"no torch in Python: {error}")
    return torch


@pytest.fixture(scope="session")
def darts_eval() -> Path:
    try:
        return find_darts_eval()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Run a script's `main` in this process, in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def call(script: Any, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["script", *map(str, arguments)])
        script.main()

    return call


def description_of(genotype: dict[str, Any], stem: str = "cifar", **other: Any) -> dict[str, Any]:
    size = 64 if stem == "imagenet" else 32
    return {
        "genotype": genotype,
        "stem": stem,
        "cells": 4,
        "channels": 4,
        "image_channels": 3,
        "classes": 5,
        "auxiliary": False,
        "dataset": "",
        "root": "",
        "height": size,
        "width": size,
        "resize_size": size,
        "class_names": list("abcde"),
        "mean": [0.0] * 3,
        "stddev": [1.0] * 3,
    } | other


def random_network(torch: Any, description: dict[str, Any], seed: int = 1) -> Any:
    """Make a network with random weights and statistics, as if it had been trained."""
    from dartslib.evaluation_network import EvaluationNetwork

    torch.manual_seed(seed)
    network = EvaluationNetwork(description).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    return network


def store(file: Path, network: Any, description: dict[str, Any], average: Any = None) -> Path:
    tensors = {}
    for prefix, module in (("model.", network), ("average.", average)):
        for name, tensor in (module.state_dict() if module else {}).items():
            tensors[prefix + name] = tensor.numpy()
    write_checkpoint(file, Checkpoint({"kind": "train", "network": description}, tensors))
    return file


def images_for(description: dict[str, Any], count: int = 3) -> np.ndarray:
    shape = [count, *(description[name] for name in ("image_channels", "height", "width"))]
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert actual.shape == expected.shape
    assert np.abs(expected).max() > 1e-3, "logits that are all but 0 would show nothing"
    assert (np.abs(actual - expected) <= tolerance * np.maximum(1.0, np.abs(expected))).all()


# --- The original's numbers


def golden_network(file: Path) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, Any]]:
    """Return a golden file, its network's tensors, and the JSON object of its genotype."""
    content = read_tensors(file)
    tensors = {n.removeprefix("init/"): a for n, a in content.items() if n.startswith("init/")}
    for name, shape in content.items():
        if name.startswith("wave_shape/"):
            tensors[name.removeprefix("wave_shape/")] = 0.05 * wave(shape)
    if "x" not in content:
        size = content["meta"][4]
        content["x"] = wave([content["meta"][3], 3, size, size])
    genotype = {"format": "darts-genotype", "version": 1, "name": "golden"}
    genotype |= json.loads(content["genotype_json"].tobytes())
    return content, tensors, genotype


def wave(shape: Any) -> np.ndarray:
    return np.sin(0.37 * np.arange(np.prod(shape))).reshape(shape)


def moved(torch: Any, file: Path) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Run a golden network forward once in train mode, by which its statistics move."""
    from dartslib.evaluation_network import EvaluationNetwork

    golden, tensors, genotype = golden_network(file)
    channels, cells, classes, _, size = golden["meta"].tolist()
    stem = "imagenet" if "stem0.0.weight" in tensors else "cifar"
    sizes = {"channels": channels, "cells": cells, "classes": classes, "height": size}
    network = EvaluationNetwork(description_of(genotype, stem, auxiliary=True, **sizes)).double()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    with torch.no_grad():
        outputs = network(torch.from_numpy(golden["x"]))
    assert_close(outputs[0].numpy(), golden["logits"], 1e-9)
    assert_close(outputs[1].numpy(), golden["logits_aux"], 1e-9)
    return golden, genotype, network


@pytest.mark.parametrize("file", GOLDEN_NETWORKS, ids=lambda file: file.stem)
def test_pytorch_module_is_the_original(torch: Any, file: Path) -> None:
    golden, _, network = moved(torch, file)
    with torch.no_grad():
        logits = network.eval()(torch.from_numpy(golden["x"]))
    assert_close(logits.numpy(), golden["eval_logits_after"], 1e-9)


@pytest.mark.parametrize("file", GOLDEN_NETWORKS, ids=lambda file: file.stem)
def test_imported_weights_give_the_originals_logits(
    torch: Any, darts_eval: Path, run: Any, tmp_path: Path, file: Path
) -> None:
    golden, genotype, network = moved(torch, file)
    torch.save(network.float().state_dict(), tmp_path / "weights.pt")
    (tmp_path / "g.json").write_text(json.dumps(genotype))
    run(import_reference, "weights.pt", "--genotype", "g.json", "-o", "c.safetensors")
    images = golden["x"].astype(np.float32)
    ours = our_logits(darts_eval, tmp_path / "c.safetensors", images, False)
    assert_close(ours, golden["eval_logits_after"], 1e-5)
    run(export, "c.safetensors", "--to", "onnx")
    exported = onnx_logits(tmp_path / "c.onnx", images)
    assert_close(exported, golden["eval_logits_after"], 1e-5)


@pytest.mark.parametrize("file", GOLDEN_NETWORKS, ids=lambda file: file.stem)
def test_onnx_of_imported_weights_needs_no_torch(
    darts_eval: Path, run: Any, tmp_path: Path, file: Path, capsys: Any
) -> None:
    _, tensors, genotype = golden_network(file)
    write_tensors(tmp_path / "weights.pt", tensors)
    (tmp_path / "g.json").write_text(json.dumps(genotype))
    run(import_reference, "weights.pt", "--genotype", "g.json", "-o", "c.safetensors")
    run(export, "c.safetensors", "--to", "onnx")
    assert "logits equal those of darts_eval within" in capsys.readouterr().out
    run(export, "c.safetensors", "--to", "pytorch", "-o", "back.pt")
    back = read_tensors(tmp_path / "back.pt")
    assert back.keys() == tensors.keys()
    assert all((back[n] == a.astype(back[n].dtype)).all() for n, a in tensors.items())


# --- All formats


STEMS = ("cifar", "imagenet")
# Stem and cells are written apart, so that one stem each, and both for some, are enough.
BOTH_STEMS = ("uneven", "DARTS_V2", "AmoebaNet")
CASES = [
    (name, stem)
    for number, name in enumerate((*built_in_names(), "uneven"))
    for stem in (STEMS if name in BOTH_STEMS else STEMS[number % 2 :][:1])
]


@pytest.mark.parametrize(("name", "stem"), CASES)
def test_every_genotype_in_every_format(
    torch: Any, darts_eval: Path, run: Any, tmp_path: Path, name: str, stem: str
) -> None:
    genotype = UNEVEN if name == "uneven" else record_of(load_genotype(name))
    description = description_of(genotype, stem)
    network = random_network(torch, description)
    file = store(tmp_path / "c.safetensors", network, description)
    images = images_for(description)
    ours = our_logits(darts_eval, file, images, False)

    run(export, file, "--to", "pytorch", "-o", "m.pt")
    loaded = random_network(torch, json.loads((tmp_path / "m.json").read_text()), seed=2)
    loaded.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True))
    with torch.no_grad():
        assert_close(loaded(torch.from_numpy(images)).numpy(), ours, 1e-5)
    run(export, file, "--to", "onnx", "-o", "m.onnx")
    assert_close(onnx_logits(tmp_path / "m.onnx", images), ours, 1e-5)
    # Any other number, height and width; odd ones are where halving differs.
    other = np.random.default_rng(6).standard_normal([1, 3, 45, 39]).astype(np.float32)
    with torch.no_grad():
        expected = loaded(torch.from_numpy(other)).numpy()
    assert_close(onnx_logits(tmp_path / "m.onnx", other), expected, 1e-5)
    assert_close(our_logits(darts_eval, file, other, False), expected, 1e-5)


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Read the format from its description: length, JSON header, data."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        dtype = {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]
        tensors[name] = np.frombuffer(content[begin:end], dtype).reshape(entry["shape"])
    return metadata, tensors


def test_safetensors_and_the_moving_average(torch: Any, run: Any, tmp_path: Path) -> None:
    description = description_of(record_of(load_genotype("DARTS_V2")))
    network, average = (random_network(torch, description, seed) for seed in (1, 2))
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    for file in ("epoch_001_step_000000", "best"):
        path = tmp_path / "run" / "checkpoints" / f"{file}.safetensors"
        store(path, network, description, average if file != "best" else None)
    for options, expected in (((), average), (("--trained-weights",), network)):
        run(export, "run", "--to", "safetensors", *options)
        metadata, tensors = read_safetensors(tmp_path / "run" / "model.safetensors")
        state = {name: tensor.numpy() for name, tensor in expected.state_dict().items()}
        assert tensors.keys() == state.keys()
        assert all((tensors[name] == array).all() for name, array in state.items())
        assert json.loads(metadata["darts"]) == description
    run(export, "run", "--best", "--to", "safetensors", "-o", "best")
    tensors = read_safetensors(tmp_path / "best")[1]
    assert (tensors["stem.0.weight"] == network.state_dict()["stem.0.weight"].numpy()).all()


def test_an_export_never_replaces_its_checkpoint(torch: Any, run: Any, tmp_path: Path) -> None:
    description = description_of(record_of(load_genotype("DARTS_V2")))
    file = store(tmp_path / "c.safetensors", random_network(torch, description), description)
    content = file.read_bytes()
    run(export, "c.safetensors", "--to", "safetensors")
    assert file.read_bytes() == content
    assert (tmp_path / "c_weights.safetensors").exists()
    with pytest.raises(UserError, match="would replace"):
        run(export, "c.safetensors", "--to", "safetensors", "-o", "c.safetensors")


def test_an_export_never_replaces_a_runs_records(torch: Any, run: Any, tmp_path: Path) -> None:
    description = description_of(record_of(load_genotype("DARTS_V2")))
    store(tmp_path / "c.safetensors", random_network(torch, description), description)
    result = tmp_path / "result.json"
    result.write_text('{"test_top1": 0.5}')
    with pytest.raises(UserError, match=r"result\.json is there and is no description"):
        run(export, "c.safetensors", "--to", "pytorch", "-o", "result.pt")
    assert result.read_text() == '{"test_top1": 0.5}' and not (tmp_path / "result.pt").exists()
    for _ in range(2):  # an earlier export may be
        run(export, "c.safetensors", "--to", "pytorch", "-o", "c.pt")


def test_the_check_sees_a_difference(
    torch: Any, darts_eval: Path, run: Any, tmp_path: Path, capsys: Any
) -> None:
    description = description_of(record_of(load_genotype("DARTS_V2")))
    network = random_network(torch, description)
    file = store(tmp_path / "c.safetensors", network, description)
    run(export, file, "--to", "onnx")
    assert "logits equal those of darts_eval within" in capsys.readouterr().out
    with torch.no_grad():
        network.classifier.bias[2] += 1e-3
    store(file, network, description)
    with pytest.raises(UserError, match=r"the model's logits differ .* by "):
        check_onnx(tmp_path / "c.onnx", read_network(file), False)


def test_a_network_that_differs_replaces_nothing(
    torch: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = description_of(record_of(load_genotype("DARTS_V2")))
    file = store(tmp_path / "c.safetensors", random_network(torch, description), description)

    def differs(*_: Any) -> float:
        raise UserError("its logits differ")

    monkeypatch.setattr(export, "check_onnx", differs)
    (tmp_path / "c.onnx").write_bytes(b"older")
    with pytest.raises(UserError, match="differ"):
        run(export, file, "--to", "onnx")
    assert (tmp_path / "c.onnx").read_bytes() == b"older"
    with pytest.raises(UserError, match=r"end it in \.pt"):
        run(export, file, "--to", "pytorch", "-o", "c.json")


# --- What can be wrong


def test_missing_packages_and_programs(
    torch: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = description_of(record_of(load_genotype("DARTS_V2")))
    file = store(tmp_path / "c.safetensors", random_network(torch, description), description)
    monkeypatch.setattr(logits_check, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"darts_eval, .* is not built; .* --no-check"):
        run(export, file, "--to", "onnx")
    run(export, file, "--to", "onnx", "--no-check")
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "onnx.helper")
    with pytest.raises(UserError, match=r"'onnx.*' is missing: pip install .*requirements-onnx"):
        run(export, file, "--to", "onnx")


def test_an_operation_that_cannot_be_computed_here(torch: Any, run: Any, tmp_path: Path) -> None:
    from dartslib.evaluation_network import EvaluationNetwork

    known = record_of(load_genotype("DARTS_V2"))
    network = random_network(torch, description_of(known))
    unknown = json.loads(json.dumps(known).replace("max_pool_3x3", "max_pool_5x5"))
    file = store(tmp_path / "c.safetensors", network, description_of(unknown))
    for to in ("pytorch", "safetensors"):  # these take the weights as they are
        run(export, file, "--to", to, "-o", f"m.{to}")
    assert read_tensors(tmp_path / "m.pytorch").keys() == network.state_dict().keys()
    with pytest.raises(UserError, match="'max_pool_5x5' is not one that can be written as ONNX"):
        run(export, file, "--to", "onnx", "--no-check")
    with pytest.raises(
        UserError, match=r"'max_pool_5x5' is not one .* did you mean 'max_pool_3x3'"
    ):
        EvaluationNetwork(description_of(unknown))


def test_what_is_no_evaluation_network(run: Any, tmp_path: Path) -> None:
    genotype = record_of(load_genotype("DARTS_V2"))
    good = description_of(genotype)
    cases: list[tuple[Any, str]] = [
        (None, "not a checkpoint of an evaluation network"),
        ({"channels": 4}, "not a checkpoint of an evaluation network"),
        (good | {"cells": "x"}, "'cells' is missing"),
        (good | {"stem": "x"}, "'stem' is none of cifar, imagenet"),
        (
            good | {"genotype": genotype | {"normal": [[["", 0], ["x", 1]]]}},
            "an edge's operation has no name",
        ),
    ]
    for network, message in cases:
        write_checkpoint(tmp_path / "c.safetensors", Checkpoint({"network": network}, {}))
        for to in export.ENDINGS:
            with pytest.raises(UserError, match=message):
                run(export, "c.safetensors", "--to", to, "-o", "x")
    write_checkpoint(tmp_path / "c.safetensors", Checkpoint({"network": good}, {}))
    for to in export.ENDINGS:
        with pytest.raises(UserError, match="no tensor"):
            run(export, "c.safetensors", "--to", to, "-o", "x")
    nan = {"model.stem.0.weight": np.full((2,), np.nan, np.float32)}
    write_checkpoint(tmp_path / "nan.safetensors", Checkpoint({"network": good}, nan))
    for to in export.ENDINGS:
        with pytest.raises(UserError, match=r"stem\.0\.weight holds numbers that are not finite"):
            run(export, "nan.safetensors", "--to", to, "-o", "x")
    with pytest.raises(UserError, match="--best goes with a run directory"):
        run(export, "c.safetensors", "--best", "--to", "pytorch")
    assert read_checkpoint(tmp_path / "c.safetensors").tensors == {}
    assert not (tmp_path / "x").exists()


def test_as_a_program(script: Script, tmp_path: Path) -> None:
    fails_in_one_line(script("export.py", "no.safetensors", "--to", "pytorch"), "no.safetensors")
    fails_in_one_line(script("export.py", "x"), "--to")
    write_tensors(tmp_path / "w.pt", {})
    fails_in_one_line(script("export.py", "w.pt", "--to", "onnx"), "not a checkpoint")
