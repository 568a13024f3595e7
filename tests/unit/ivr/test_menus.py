"""Menu documents: what is refused, and with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cti.domain.errors import ConfigError
from ivr.menus import Menu, check_menu, menu_body, menu_graph, parse_menu, prompt_name, stored_menu
from tests.unit.ivr.desk import document, main_menu, queues, skills

Spoil = Callable[[dict[str, Any]], object]


def node(data: dict[str, Any], node_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in data["nodes"] if one["id"] == node_id)
    return found


def problems(spoil: Spoil) -> list[str]:
    data = document()
    spoil(data)
    with pytest.raises(ConfigError) as raised:
        parse_menu(data, queues=queues(), skills=skills())
    return raised.value.problems


def test_the_example_is_a_good_menu() -> None:
    menu = parse_menu(document(), queues=queues(), skills=skills())
    assert [one.kind for one in menu.nodes].count("end") == 4


def test_what_is_stored_reads_back_the_same() -> None:
    stored = json.loads(json.dumps(menu_body(main_menu()), ensure_ascii=False))
    assert stored_menu(stored) == main_menu()
    assert check_menu(document(), frozenset(queues()), frozenset(skills())) == stored


def test_a_stored_menu_that_somebody_edited_by_hand_is_refused() -> None:
    with pytest.raises(ConfigError, match="menu 'main', key 'colour': unknown"):
        stored_menu({**menu_body(main_menu()), "colour": "blue"})


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda d: d.pop("id"), "menu '?', key 'id': missing; write it"),
        (lambda d: d.update(nodes=[]), "menu 'main', key 'nodes': write at least one, not []"),
        (lambda d: d.update(nodes="x"), "menu 'main', key 'nodes': write a list: [ … ], not 'x'"),
        (lambda d: d["nodes"].append("x"), "menu 'main', node 11: write a table with id and kind, not 'x'"),
        (
            lambda d: d.update(colour=1),
            "menu 'main', key 'colour': unknown; there is 'id', 'language', 'nodes', 'start'",
        ),
        (
            lambda d: node(d, "member").update(promts=["a"]),
            "menu 'main', node 'member', key 'promts': unknown; did you mean 'prompts'?",
        ),
        (
            lambda d: node(d, "member")["keys"]["1"].update(nxt="a"),
            "menu 'main', node 'member', key 'keys.1.nxt': unknown; did you mean 'next'?",
        ),
        (
            lambda d: node(d, "member")["keys"].update(x={"label": {"ja": "a", "en": "b"}, "next": "reason"}),
            "menu 'main', node 'member', key 'keys.x': 'x' does not fit; write something like one key: 0 to 9, * or #",
        ),
        (
            lambda d: node(d, "member").update(kind="choise"),
            "menu 'main', node 'member': write kind = one of 'say', 'language', 'choice', 'digits', 'end'",
        ),
        (
            lambda d: node(d, "member").pop("kind"),
            "menu 'main', node 'member': write kind = one of 'say', 'language', 'choice', 'digits', 'end'",
        ),
        (
            lambda d: node(d, "member").pop("otherwise"),
            "menu 'main', node 'member', key 'otherwise': missing; write it",
        ),
        (
            lambda d: node(d, "member").update(timeout_s=0.1),
            "menu 'main', node 'member', key 'timeout_s': input should be greater than or equal to 0.5, not 0.1",
        ),
        (
            lambda d: node(d, "member").update(attempts="jo"),
            "menu 'main', node 'member', key 'attempts': write a whole number, not 'jo'",
        ),
        (
            lambda d: node(d, "member").update(prompts=[{"ja": "はい"}]),
            "menu 'main', node 'member', key 'prompts.0.en': missing; write it",
        ),
        (
            lambda d: node(d, "member").update(prompts=[{"ja": "はい", "en": "a\nb"}]),
            "menu 'main', node 'member', key 'prompts.0.en': write one line of ordinary text, without control"
            " characters, not 'a\\nb'",
        ),
        (
            lambda d: node(d, "member").update(prompts=[3]),
            "menu 'main', node 'member', key 'prompts.0': write words in both languages:"
            ' { ja = "…", en = "…" }, not 3',
        ),
        (
            lambda d: node(d, "language")["keys"].update({"1": "fr"}),
            "menu 'main', node 'language', key 'keys.1': write 'ja' or 'en'",
        ),
        (
            lambda d: node(d, "greeting").update(id="A b"),
            "menu 'main', node 'A b', key 'id': 'A b' does not fit; write something like a lower-case name:"
            ' "reservation-number"',
        ),
    ],
)
def test_shape(spoil: Spoil, sentence: str) -> None:
    assert problems(spoil) == [sentence]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda d: d.update(start="gretting"),
            "menu 'main', key 'start': no node 'gretting'; did you mean 'greeting'?",
        ),
        (
            lambda d: node(d, "reservation").update(next="reson"),
            "menu 'main', node 'reservation', key 'next': no node 'reson'; did you mean 'reason'?",
        ),
        (
            lambda d: node(d, "member")["keys"]["0"].update(next="end-road"),
            "menu 'main', node 'member', key 'keys.0.next': no node 'end-road'; did you mean 'end-roadside'?",
        ),
        (
            lambda d: node(d, "member").update(prompts=["membr"]),
            "menu 'main', node 'member', key 'prompts': no prompt 'membr' in 'ja', 'en'; did you mean 'member'?,"
            ' or write the words: { ja = "…", en = "…" }',
        ),
        (
            lambda d: node(d, "end-partners").update(queue="partner"),
            "menu 'main', node 'end-partners', key 'queue': no queue 'partner'; did you mean 'partners'?",
        ),
        (
            lambda d: node(d, "end-partners").update(queue_by_language={"en": "inglish"}),
            "menu 'main', node 'end-partners', key 'queue_by_language.en': no queue 'inglish'; did you mean 'english'?",
        ),
        (
            lambda d: node(d, "end-billing").update(skills={"bilings": 2}),
            "menu 'main', node 'end-billing', key 'skills': no skill 'bilings'; did you mean 'billing'?",
        ),
        (
            lambda d: node(d, "end-partners").pop("queue"),
            "menu 'main', node 'end-partners', key 'queue': write either queue = \"<queue>\" or treatment ="
            ' "<treatment>", one of the two',
        ),
        (
            lambda d: node(d, "member")["keys"]["0"].update(repeat=True),
            "menu 'main', node 'member', key 'keys.0': write either next = \"<node>\" or repeat = true",
        ),
        (
            lambda d: node(d, "reservation").update(min_digits=9),
            "menu 'main', node 'reservation', key 'min_digits': 9 is more than max_digits = 8; write less",
        ),
        (
            lambda d: d["nodes"].append({"id": "lost", "kind": "end", "queue": "members"}),
            "menu 'main', node 'lost': no path leads here from 'greeting'; name it in a next, or delete it",
        ),
        (
            lambda d: d["nodes"].append(dict(node(d, "end-members"))),
            "menu 'main', node 'end-members': the id is used 2 times; give each node its own",
        ),
        (
            lambda d: node(d, "reason").update(otherwise="member"),
            "menu 'main', node 'member': a caller could go round for ever: member → reservation → reason → member;"
            " to say a question again write repeat = true",
        ),
        (
            lambda d: node(d, "recorded").update(next="recorded"),
            "menu 'main', node 'recorded': a caller could go round for ever: recorded → recorded;"
            " to say a question again write repeat = true",
        ),
    ],
)
def test_graph(spoil: Spoil, sentence: str) -> None:
    assert sentence in problems(spoil)


def test_every_problem_is_told_at_once() -> None:
    def spoil(data: dict[str, Any]) -> None:
        node(data, "end-partners").update(queue="x")
        node(data, "end-billing").update(skills={"y": 1})

    assert len(problems(spoil)) == 2


def test_a_prompt_must_exist_in_both_languages() -> None:
    nodes = [
        {"id": "a", "kind": "say", "prompts": ["hello"], "next": "b"},
        {"id": "b", "kind": "end", "queue": "members"},
    ]
    own = ["wrong-key", "number-too-short", "readback-intro", "readback-confirm", *(f"digit-{n}" for n in range(10))]
    with pytest.raises(ConfigError) as raised:
        parse_menu(
            {"id": "m", "start": "a", "nodes": nodes},
            queues=["members"],
            skills=[],
            prompts={"ja": [*own, "hello"], "en": own[1:]},
        )
    assert raised.value.problems == [
        "menu 'm', node 'a', key 'prompts': no prompt 'hello' in 'en'; add it there, or write the words:"
        ' { ja = "…", en = "…" }',
        "menu 'm': the catalogue 'en' has no prompt 'wrong-key', which every menu needs; add it",
    ]


def test_words_in_a_menu_have_a_name_made_of_them() -> None:
    data = document()
    words = {"ja": "リコールのお知らせです。", "en": "A recall."}
    node(data, "greeting").update(prompts=["greeting", words])
    menu = parse_menu(data, queues=queues(), skills=skills())
    ((name, kept),) = menu.texts().items()
    assert kept == words
    assert name.startswith("t-")
    assert [prompt_name(prompt) for prompt in menu.node("greeting").prompts] == ["greeting", name]


def test_the_graph_is_json_with_every_edge() -> None:
    graph = json.loads(json.dumps(menu_graph(main_menu())))
    assert graph["start"] == "greeting"
    assert len(graph["nodes"]) == len(main_menu().nodes)
    ids = {one["id"] for one in graph["nodes"]}
    assert all(edge["from"] in ids and edge["to"] in ids for edge in graph["edges"])
    urgent = {
        "from": "member",
        "to": "end-roadside",
        "on": "key",
        "key": "0",
        "label": {"ja": "至急・車両トラブル", "en": "Urgent, roadside"},
    }
    assert urgent in graph["edges"]
    assert {"from": "member", "to": "end-members", "on": "otherwise"} in graph["edges"]
    assert {"from": "language", "to": "member", "on": "language", "key": "2", "language": "en"} in graph["edges"]
    billing = next(one for one in graph["nodes"] if one["id"] == "end-billing")
    assert billing["skills"] == {"billing": 2}


def test_a_repeat_is_drawn_as_an_edge_to_itself() -> None:
    keys = {"9": {"label": {"ja": "もう一度", "en": "Again"}, "repeat": True}}
    ask = {"id": "a", "kind": "choice", "prompts": ["member"], "keys": keys, "otherwise": "b"}
    nodes = [ask, {"id": "b", "kind": "end", "queue": "members"}]
    menu: Menu = parse_menu({"id": "m", "start": "a", "nodes": nodes}, queues=["members"], skills=[])
    assert menu_graph(menu)["edges"][0]["to"] == "a"


def test_a_node_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        main_menu().node("nowhere")
