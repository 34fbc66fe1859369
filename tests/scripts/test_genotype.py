from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dartslib.cli import UserError
from dartslib.genotype import (
    BUILT_IN_DIRECTORY,
    Edge,
    built_in_names,
    load_genotype,
    parse_genotype,
)

DARTS_V2_NOTATION = """\
Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0),
('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0),
('dil_conv_3x3', 2)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0),
('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),
('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])
"""


def parse(record: dict[str, Any]) -> Any:
    return parse_genotype(json.dumps(record), "g.json", "g")


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_genotypes_are_valid_and_name_themselves(name: str) -> None:
    genotype = load_genotype(name)
    assert genotype.name == name
    assert genotype.provenance["source"]
    nodes = 5 if name in ("NASNet", "AmoebaNet") else 4
    assert genotype.normal.nodes == genotype.reduce.nodes == nodes


def test_built_in_names() -> None:
    assert {"DARTS_V1", "DARTS_V2", "NASNet", "AmoebaNet"} <= set(built_in_names())


def test_built_in_files_have_one_edge_a_line() -> None:
    for path in BUILT_IN_DIRECTORY.glob("*.json"):
        lines = path.read_text().splitlines()
        assert sum(line.strip().startswith('["') for line in lines) in (16, 20)


@pytest.mark.parametrize("prefix", ["", "\n", "DARTS_V2 = "])
def test_notation_equals_the_json(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "DARTS_V2.txt"
    path.write_text(prefix + DARTS_V2_NOTATION)
    from_text, built_in = load_genotype(str(path)), load_genotype("DARTS_V2")
    assert (from_text.normal, from_text.reduce) == (built_in.normal, built_in.reduce)
    assert from_text.name == "DARTS_V2"


def test_positional_notation_and_list_of_range() -> None:
    edges = "[('none', 0), ('skip_connect', 1)]"
    genotype = parse_genotype(f"Genotype({edges}, list(range(2, 3)), {edges}, [2])", "t", "t")
    assert genotype.normal.concat == (2,)


def test_edges_go_into_nodes_in_pairs(record: dict[str, Any]) -> None:
    genotype = parse(record)
    assert list(genotype.normal.edges_by_node())[2:4] == [
        (1, Edge("skip_connect", 0)),
        (1, Edge("dil_conv_3x3", 2)),
    ]
    assert (genotype.normal.nodes, genotype.reduce.nodes) == (3, 2)


def test_two_edges_of_a_node_may_share_their_source(record: dict[str, Any]) -> None:
    record["normal"][1] = ["avg_pool_3x3", 0]
    assert parse(record).normal.edges[1] == Edge("avg_pool_3x3", 0)


def test_run_directory_and_name_by_default(tmp_path: Path, record: dict[str, Any]) -> None:
    del record["name"], record["provenance"]
    (tmp_path / "genotype.json").write_text(json.dumps(record))
    genotype = load_genotype(str(tmp_path))
    assert (genotype.name, genotype.provenance) == ("genotype", {})


SOUND = [["none", 0], ["none", 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "'format' is 'other', expected 'darts-genotype'"),
        ({"version": 2}, "genotype version 2, this program reads 1"),
        ({"normal": SOUND[:1]}, "'normal' has 1 edges, a cell has two for each node"),
        ({"normal": []}, "'normal' has 0 edges"),
        ({"reduce": "x"}, "'reduce' is not a list of edges"),
        ({"normal": [["sep_conv_3x4", 0], *SOUND[1:]]}, "did you mean 'sep_conv_3x3'?"),
        ({"normal": [["foo", 0], *SOUND[1:]]}, "normal[0]: unknown operation 'foo' (known: none,"),
        ({"normal": [["none", 2], *SOUND[1:]]}, "an edge into node 0 from itself"),
        ({"reduce": [["none", 4], *SOUND[1:]]}, "into node 0 from source 4, allowed are 0 to 1"),
        ({"normal": [["none", -1], *SOUND[1:]]}, "from source -1"),
        ({"normal": [["none", True], *SOUND[1:]]}, "an edge is an operation and a source"),
        ({"normal": [["none"], *SOUND[1:]]}, "normal[0]: an edge is"),
        ({"normal_concat": [2, 5]}, "'normal_concat' names 5, the nodes of this cell are 2 to 4"),
        ({"reduce_concat": [1]}, "'reduce_concat' names 1"),
        ({"reduce_concat": ["2"]}, "'reduce_concat' names '2'"),
        ({"reduce_concat": []}, "'reduce_concat' is not a list of nodes"),
        ({"reduce_concat": [2, 2]}, "names a node twice"),
    ],
)
def test_invalid_records(record: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(record | change)
    assert str(caught.value).startswith("g.json: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["normal", "normal_concat", "reduce", "reduce_concat"])
def test_missing_list(record: dict[str, Any], key: str) -> None:
    del record[key]
    with pytest.raises(UserError, match=f"'{key}' is missing"):
        parse(record)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ('{"format": ', "not JSON: Expecting value"),
        ("[1]", "expected a JSON object"),
        ("[" * 100_000, "not JSON"),
        ("Genotype(normal=[", "not in the notation Genotype(...)"),
        ("Genotype(normal=[])", "'normal_concat' is missing"),
        ("Genotype()\nGenotype()", "expected one Genotype(...), found 2 statements"),
        ("print(Genotype())", "expected Genotype(normal="),
        ("Genotype(normal=[exit(3)], normal_concat=[2])", "line 1: expected a list or range"),
        ("Genotype(normal=exit(3))", "line 1: expected a list or range"),
        ("Genotype(normal=range('a'))", "line 1: expected a list or range"),
    ],
)
def test_unreadable_text(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_genotype(text, "g", "g")
    assert message in str(caught.value)


def test_missing_file_names_the_nearest_built_in() -> None:
    with pytest.raises(UserError, match="did you mean 'DARTS_V2'") as caught:
        load_genotype("darts_v2")
    assert "NASNet" in str(caught.value)


def test_directory_without_genotype(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a directory without genotype"):
        load_genotype(str(tmp_path))


def test_binary_file(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a text file"):
        load_genotype(str(tmp_path / "g.json"))


def test_more_edges_a_node(record: dict[str, Any]) -> None:
    # The first node has but two states to read, as the C++ programs count.
    record |= {
        "edges_per_node": 3,
        "normal": [["none", 0], ["none", 1], ["none", 0], ["none", 1], ["sep_conv_3x3", 2]],
        "normal_concat": [3],
        "reduce": [["none", 0], ["none", 1]],
        "reduce_concat": [2],
    }
    normal = parse_genotype(json.dumps(record), "g.json", "g").normal
    assert [node for node, _ in normal.edges_by_node()] == [0, 0, 1, 1, 1]
    assert normal.nodes == 2
    record["normal"].pop()
    with pytest.raises(UserError, match="4 edges, a cell has 3 for each node"):
        parse_genotype(json.dumps(record), "g.json", "g")
    record["edges_per_node"] = 0
    with pytest.raises(UserError, match="'edges_per_node' is not"):
        parse_genotype(json.dumps(record), "g.json", "g")
