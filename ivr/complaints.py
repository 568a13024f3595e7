"""What is wrong with a menu, in sentences: menu, node, key, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from ivr.menus import Menu, Node

KINDS = ("say", "language", "choice", "digits", "end")
WRITE_INSTEAD = {
    "tuple_type": "a list: [ … ]",
    "dict_type": "a table: { … }",
    "string_type": 'text in quotes: "…"',
    "model_type": 'words in both languages: { ja = "…", en = "…" }',
    "model_attributes_type": 'words in both languages: { ja = "…", en = "…" }',
    "too_short": "at least one",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
}
# The prompts that the interpreter itself says, beside those a menu names.
OWN_PROMPTS = (
    "wrong-key",
    "number-too-short",
    "readback-intro",
    "readback-confirm",
    *(f"digit-{n}" for n in range(10)),
)


def explain(model: type[BaseModel], data: Mapping[str, Any], error: ValidationError) -> list[str]:
    """One sentence per problem of shape."""
    errors = error.errors()
    # A list whose only entry is wrong is not too short as well.
    wrong_inside = {tuple(one["loc"][:length]) for one in errors for length in range(len(one["loc"]))}
    told = [one for one in errors if one["type"] != "too_short" or tuple(one["loc"]) not in wrong_inside]
    return [_shape_problem(model, data, one) for one in told]


def _shape_problem(model: type[BaseModel], data: Mapping[str, Any], error: Any) -> str:
    menu = f"menu {data.get('id', '?')!r}"
    location = list(error["loc"])
    where = menu
    known = list(model.model_fields)
    if location[:1] == ["nodes"] and len(location) > 1:
        node = _node_at(data, location[1])
        where = f"{menu}, node {node.get('id', location[1])!r}"
        kind = node.get("kind")
        location = [part for part in location[2:] if part != kind]
        known = _fields_of(str(kind), location)
    # pydantic names the branches of a union; they mean nothing to the author.
    path = ".".join(str(part) for part in location if part not in ("name", "words", "[key]"))
    key = f", key {path!r}" if path else ""
    return f"{where}{key}: {_advice(error, known)}"


def _advice(error: Any, known: list[str]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown; {did_you_mean(str(error['loc'][-1]), known)}"
    if kind == "missing":
        return "missing; write it"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"write kind = one of {_list(KINDS)}"
    if kind == "literal_error":
        return f"write {context.get('expected')}"
    if kind == "string_pattern_mismatch":
        return f"{error['input']!r} does not fit; write something like {_example(str(context.get('pattern')))}"
    if kind == "model_attributes_type" and len(error["loc"]) == 2:
        return f"write a table with id and kind, not {_short(error['input'])}"
    if kind in WRITE_INSTEAD:
        return f"write {WRITE_INSTEAD[kind]}, not {_short(error['input'])}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}, not {_short(error['input'])}"


def _example(pattern: str) -> str:
    if "*#" in pattern:
        return "one key: 0 to 9, * or #"
    return 'a lower-case name: "reservation-number"'


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


def _node_at(data: Mapping[str, Any], index: Any) -> Mapping[str, Any]:
    nodes = data.get("nodes")
    if isinstance(nodes, list | tuple) and isinstance(index, int) and index < len(nodes):
        node = nodes[index]
        if isinstance(node, Mapping):
            return node
    return {}


def _fields_of(kind: str, location: list[Any]) -> list[str]:
    from ivr import menus  # menus imports this module

    models: dict[str, type[BaseModel]] = {
        "say": menus.SayNode,
        "language": menus.LanguageNode,
        "choice": menus.ChoiceNode,
        "digits": menus.DigitsNode,
        "end": menus.EndNode,
    }
    if kind == "choice" and len(location) == 3 and location[0] == "keys":
        return list(menus.Option.model_fields)
    if len(location) > 1:
        return list(menus.Text.model_fields)
    return list(models[kind].model_fields) if kind in models else []


def graph_problems(
    menu: Menu, *, queues: Collection[str], skills: Collection[str], prompts: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """What only shows when the whole menu is seen together with the desk it belongs to."""
    ids = [node.id for node in menu.nodes]
    at = f"menu {menu.id!r}"
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"{at}, node {twice!r}: the id is used {ids.count(twice)} times; give each node its own"
    if menu.start not in ids:
        yield f"{at}, key 'start': no node {menu.start!r}; {did_you_mean(menu.start, ids)}"
    for node in menu.nodes:
        here = f"{at}, node {node.id!r}"
        for key, target in targets(node):
            if target not in ids:
                yield f"{here}, key {key!r}: no node {target!r}; {did_you_mean(target, ids)}"
        yield from (f"{here}, {problem}" for problem in _node_problems(node, queues, skills))
        yield from (f"{here}, key 'prompts': {problem}" for problem in _prompt_problems(node.prompts, prompts))
    if len(set(ids)) == len(ids) and menu.start in ids:
        yield from _walk_problems(menu, at)
    for language, names in prompts.items():
        for name in OWN_PROMPTS:
            if name not in names:
                yield f"{at}: the catalogue {language!r} has no prompt {name!r}, which every menu needs; add it"


def targets(node: Node) -> Iterator[tuple[str, str]]:
    """Every key of a node that names another node, with the name."""
    if node.kind == "choice":
        for key, option in node.keys.items():
            if option.next is not None:
                yield f"keys.{key}.next", option.next
    if node.kind in ("say", "language", "digits"):
        yield "next", node.next
    if node.kind in ("choice", "digits"):
        yield "otherwise", node.otherwise


def _node_problems(node: Node, queues: Collection[str], skills: Collection[str]) -> Iterator[str]:
    if node.kind == "choice":
        for key, option in node.keys.items():
            if (option.next is None) is not option.repeat:
                yield f"key 'keys.{key}': write either next = \"<node>\" or repeat = true"
    if node.kind == "digits" and node.min_digits > node.max_digits:
        yield f"key 'min_digits': {node.min_digits} is more than max_digits = {node.max_digits}; write less"
    if node.kind == "digits" and node.max_digits > 1 and node.next == node.id:
        yield "key 'next': leads to itself; write the node that comes after the number"
    if node.kind == "end":
        if (node.queue is None) == (node.treatment is None):
            yield 'key \'queue\': write either queue = "<queue>" or treatment = "<treatment>", one of the two'
        for key, queue in node.queues:
            if queue not in queues:
                yield f"key {key!r}: no queue {queue!r}; {did_you_mean(queue, queues)}"
        for skill in node.skills:
            if skill not in skills:
                yield f"key 'skills': no skill {skill!r}; {did_you_mean(skill, skills)}"


def _prompt_problems(written: Collection[Any], prompts: Mapping[str, Collection[str]]) -> Iterator[str]:
    for name in written:
        if not isinstance(name, str):
            continue  # the words themselves, in every language, or the shape check had refused them
        missing = [language for language, names in prompts.items() if name not in names]
        if missing:
            every = {one for names in prompts.values() for one in names}
            advice = did_you_mean(name, every) if len(missing) == len(prompts) else "add it there"
            yield f'no prompt {name!r} in {_list(missing)}; {advice}, or write the words: {{ ja = "…", en = "…" }}'


def _walk_problems(menu: Menu, at: str) -> Iterator[str]:
    edges = {node.id: [target for _, target in targets(node)] for node in menu.nodes}
    reached: set[str] = set()
    waiting = [menu.start]
    while waiting:
        here = waiting.pop()
        if here not in reached and here in edges:
            reached.add(here)
            waiting += edges[here]
    for node_id in edges:
        if node_id not in reached:
            yield f"{at}, node {node_id!r}: no path leads here from {menu.start!r}; name it in a next, or delete it"
    loop = _loop(edges)
    if loop:
        way = " → ".join(loop)
        advice = "to say a question again write repeat = true"
        yield f"{at}, node {loop[0]!r}: a caller could go round for ever: {way}; {advice}"


def _loop(edges: Mapping[str, list[str]]) -> list[str]:
    """A path that comes back to its first node; empty when there is none."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        stack = [(start, iter(edges[start]))]
        path.append(start)
        while stack:
            here, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(here)
                path.pop()
                stack.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following in edges and following not in done:
                path.append(following)
                stack.append((following, iter(edges[following])))
    return []


def did_you_mean(wrong: str, known: Collection[str]) -> str:
    """Advice for a name that does not exist."""
    close = difflib.get_close_matches(wrong, list(known), n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    # More than a dozen names help nobody.
    return f"there is {_list(sorted(known))}" if 0 < len(known) <= 12 else "there is no name like it"


def _list(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
