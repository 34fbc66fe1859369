from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dartslib.cell import Cell, Edge
from dartslib.cli import UserError
from dartslib.genotype import (
    BUILT_IN_DIRECTORY,
    built_in_names,
    load_genotype,
    parse_genotype,
    record_of,
)

DARTS_V2_NOTATION = """\
Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0),
('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0),
('dil_conv_3x3', 2)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0),
('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),
('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])
"""


DATA = Path(__file__).parents[1] / "fixtures" / "genotypes"  # that readers once got wrong


def parse(record: dict[str, Any]) -> Any:
    return parse_genotype(json.dumps(record), "g.json", "g")


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_genotypes_are_valid_and_name_themselves(name: str) -> None:
    genotype = load_genotype(name)
    assert genotype.name == name
    assert genotype.provenance["source"]
    nodes = 5 if name in ("NASNet", "AmoebaNet", "ENASNet", "PNASNet") else 4
    assert len(genotype.normal.nodes) == len(genotype.reduce.nodes) == nodes
    assert parse(record_of(genotype)) == genotype


def test_built_in_names() -> None:
    assert {"DARTS_V1", "DARTS_V2", "NASNet", "AmoebaNet"} <= set(built_in_names())


def test_built_in_files_have_one_node_a_line() -> None:
    for path in BUILT_IN_DIRECTORY.glob("*.json"):
        lines = path.read_text().splitlines()
        assert sum(line.strip().startswith(('[["', "[]")) for line in lines) in (8, 10)


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


def test_edges_by_node(record: dict[str, Any]) -> None:
    genotype = parse(record)
    assert list(genotype.normal.edges_by_node())[2:4] == [
        (1, Edge("skip_connect", 0)),
        (1, Edge("dil_conv_3x3", 2)),
    ]
    assert (len(genotype.normal.nodes), len(genotype.reduce.nodes)) == (3, 2)


def test_two_edges_of_a_node_may_share_their_source(record: dict[str, Any]) -> None:
    record["normal"][0][1] = ["avg_pool_3x3", 0]
    assert parse(record).normal.edges[1] == Edge("avg_pool_3x3", 0)


def test_operations_of_other_programs_and_their_kinds(record: dict[str, Any]) -> None:
    record["normal"][0][1] = ["conv_3x3", 0]
    assert parse(record).kinds == {}
    assert parse(record).operations[:2] == ["sep_conv_3x3", "conv_3x3"]
    record["operations"] = {"conv_3x3": "conv"}
    genotype = parse(record)
    assert genotype.kinds == {"conv_3x3": "conv"}
    assert record_of(genotype) == record
    assert list(record_of(genotype))[-2:] == ["operations", "provenance"]


UNEVEN = [[["none", 0]], [], [["none", 2], ["skip_connect", 0], ["none", 0]], []]


def test_any_number_of_edges_a_node(record: dict[str, Any]) -> None:
    record |= {"normal": UNEVEN, "normal_concat": [4]}
    genotype = parse(record)
    assert [len(edges) for edges in genotype.normal.nodes] == [1, 0, 3, 0]
    assert [node for node, _ in genotype.normal.edges_by_node()] == [0, 2, 2, 2]
    assert record_of(genotype) == record


@pytest.mark.parametrize("edges", [UNEVEN, [[["none", 0], ["none", 1]]], [[], *UNEVEN[:1]]])
def test_notation_with_one_list_a_node(edges: list[list[list[Any]]]) -> None:
    concat = max(node + 2 for node, inside in enumerate(edges) if inside)
    as_tuples = [[tuple(edge) for edge in inside] for inside in edges]
    reduce = "[('none', 0), ('none', 1)]"
    text = f"Genotype({as_tuples}, [{concat}], reduce={reduce}, reduce_concat=[2])"
    genotype = parse_genotype(text, "t", "t")
    assert genotype.normal == Cell(
        tuple(tuple(Edge(*edge) for edge in inside) for inside in edges), (concat,)
    )
    assert genotype.reduce.edges == (Edge("none", 0), Edge("none", 1))


def test_files_that_readers_got_wrong() -> None:
    cells = (load_genotype("DARTS_V2").normal, load_genotype("DARTS_V2").reduce)
    for given in ("commented_out_first.txt", "two_named.txt:SECOND", "two_named.txt:BEST"):
        genotype = load_genotype(str(DATA / given))
        assert (genotype.normal, genotype.reduce) == cells
    first = load_genotype(str(DATA / "two_named.txt:FIRST"))
    assert (first.name, first.normal.edges[0].operation) == ("FIRST", "sep_conv_5x5")
    assert load_genotype(str(DATA / "positional.txt")).normal.concat == (2,)
    assert load_genotype(str(DATA / "one_list_per_node.txt")).reduce.edges[3].source == 2
    assert load_genotype(str(DATA / "byte_order_mark.json")).name == "mark"
    assert load_genotype(str(DATA / "third_number.txt")).normal.nodes[1][0].source == 2
    fair = load_genotype(str(DATA / "state_entered.txt"))
    assert [len(node) for node in fair.normal.nodes] == [2, 0, 1, 1]
    assert fair.normal.nodes[2][0] == Edge("max_pool_3x3", 0)
    assert fair.normal.concat == (2, 4, 5)
    assert fair.reduce.nodes[3][1].source == 1


def test_a_field_that_is_there_twice() -> None:
    text = json.dumps(record_of(load_genotype("DARTS_V2")))
    text = text.replace('"normal":', '"normal": [], "normal":', 1)
    with pytest.raises(UserError, match='t: the field "normal" is given twice'):
        parse_genotype(text, "t", "t")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("two_named.txt", "2 genotypes: FIRST (line 1), SECOND (line 2); say which: "),
        ("two_named.txt:THIRD", "no genotype 'THIRD'"),
        ("two_named.txt:BESTS", "did you mean 'BEST'? (there: FIRST, SECOND, BEST)"),
        ("byte_order_mark.json:mark", "holds one genotype; leave out ':mark'"),
    ],
)
def test_names_that_do_not_choose(given: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_genotype(str(DATA / given))
    assert message in str(caught.value)


def test_genotypes_are_found_among_other_lines() -> None:
    edges = "[('none', 0), ('none', 1)]"
    call = f"Genotype({edges}, [2], {edges}, [2])"
    text = f"""\
from collections import namedtuple
Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')
\"\"\"OLD = {call}\"\"\"
it's 10:00 AM genotype = {call}  # X = {call}
"""
    assert parse_genotype(text, "t", "t").name == "t"
    assert parse_genotype(text, "t", "t", "genotype").name == "genotype"


def test_run_directory_and_name_by_default(tmp_path: Path, record: dict[str, Any]) -> None:
    del record["name"], record["provenance"]
    (tmp_path / "genotype.json").write_text(json.dumps(record))
    genotype = load_genotype(str(tmp_path))
    assert (genotype.name, genotype.provenance) == ("genotype", {})


NODE = [["none", 0], ["none", 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "the field 'format' must be 'darts-genotype'"),
        ({"version": 3}, "genotype version 3; this program reads 1 and 2"),
        ({"version": True}, "genotype version True"),
        ({"edges_per_node": 2}, "unknown field 'edges_per_node'"),
        ({"reduce_concatenate": [2]}, "did you mean 'reduce_concat'?"),
        ({"name": 3}, "'name' is not text"),
        ({"provenance": "a search"}, "'provenance' is not an object"),
        ({"normal": []}, "normal: has no edges"),
        ({"normal": [[], []]}, "normal: has no edges"),
        ({"reduce": "x"}, "reduce: not a list of nodes, each a list of edges"),
        ({"normal": [NODE[:1], 3]}, "normal: not a list of nodes"),
        ({"normal": NODE}, "normal: node 0 (state 2): an edge is an operation and the state"),
        ({"normal": [NODE, [["", 0]]]}, "node 1 (state 3): an edge's operation has no name"),
        ({"operations": ["none"]}, "'operations' is not an object of texts"),
        ({"operations": {"none": 0}}, "'operations' is not an object of texts"),
        ({"normal": [[["none", 2]]]}, "node 0 (state 2) can only read states 0 to 1"),
        ({"reduce": [[["none", 4]]]}, "reduce: node 0 (state 2) can only read states 0 to 1, but"),
        ({"normal": [[["none", -1]]]}, "but an edge comes from state -1"),
        ({"normal": [[["none", True]]]}, "an edge is an operation and the state"),
        ({"normal": [[["none"]]]}, "an edge is an operation and the state"),
        ({"normal": [[], [["none", 2]]]}, "comes from node 0 (state 2), which has no edges"),
        ({"normal_concat": [2, 5]}, "normal_concat: state 5 is not an intermediate node"),
        ({"reduce_concat": [1]}, "this cell has states 2 to 3"),
        ({"reduce_concat": ["2"]}, "reduce_concat: not a list of states"),
        ({"reduce_concat": []}, "reduce_concat: names no state"),
        ({"reduce_concat": [2, 2]}, "names a state twice"),
        ({"reduce": [NODE, []]}, "reduce_concat: names node 1 (state 3), which has no edges"),
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
        ("", "neither JSON nor the notation"),
        ("[1]", "neither JSON nor the notation"),
        ("{}", "not a genotype"),
        ('{"format": ', "not JSON: Expecting value"),
        ('{"a": ' + "[" * 100_000, "not JSON"),
        ("Genotype(normal=[", "not in the notation Genotype(...)"),
        ("Genotype(normal=[])", "'normal_concat' is missing"),
        ("Genotype()\nGenotype()", "2 genotypes without a name, in lines 1 to 2; is it the log"),
        ("Genotype(normal=[exit(3)], normal_concat=[2])", "expected a list or range"),
        ("Genotype(normal=exit(3))", "expected a list or range"),
        ("Genotype(normal=range('a'))", "expected a list or range"),
        ("Genotype(normale=[])", "unknown field 'normale'"),
        ("Genotype([], [], [], [], [])", "more than 4 fields"),
        ("Genotype(normal=[('none', 0)])", "normal: 1 edges, but every node has 2"),
        ("Genotype(normal=3)", "normal: not a list of edges"),
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


def test_version_1(record: dict[str, Any]) -> None:
    flat = {
        "version": 1,
        "normal": [edge for node in record["normal"] for edge in node],
        "reduce": [edge for node in record["reduce"] for edge in node],
    }
    assert parse(record | flat) == parse(record)
    # The first node has but two states to read, as the C++ programs count.
    record |= {
        "version": 1,
        "edges_per_node": 3,
        "normal": [["none", 0], ["none", 1], ["none", 0], ["none", 1], ["sep_conv_3x3", 2]],
        "normal_concat": [3],
        "reduce": [["none", 0], ["none", 1]],
        "reduce_concat": [2],
    }
    normal = parse(record).normal
    assert [node for node, _ in normal.edges_by_node()] == [0, 0, 1, 1, 1]
    record["normal"].pop()
    with pytest.raises(UserError, match="normal: 4 edges, but every node has 3"):
        parse(record)
    record["edges_per_node"] = 0
    with pytest.raises(UserError, match="'edges_per_node' is not"):
        parse(record)
