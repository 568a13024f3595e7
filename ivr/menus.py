"""Menus as data: the document, its checks, and the picture of its graph. The page for authors is docs/menus.md.

A menu is a graph of nodes without loops that ends, on every path, in a queue or a treatment. What makes a caller
hear something twice (``repeat``, wrong keys, silence, a number that was not confirmed) is counted by ``attempts``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
)

from cti.domain.errors import ConfigError
from cti.domain.spoken import sound_name
from ivr.complaints import explain, graph_problems
from ivr.texts import prompt_names

_DRAWN_OF_END = {"queue", "queue_by_language", "skills", "treatment"}
Language = Literal["ja", "en"]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]


def _speakable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("write one line of ordinary text, without control characters")
    return text


# 300 characters are a minute of speech; nobody listens longer before a question.
Spoken = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_speakable)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    """Words in every language."""

    ja: Spoken
    en: Spoken

    @property
    def prompt_name(self) -> str:
        """The sound file's name of a text written in the menu: the same words are rendered once."""
        return sound_name(self.ja, self.en)


def _name_or_words(value: object) -> str:
    return "name" if isinstance(value, str) else "words"


# A name of the catalogue, or the words themselves.
Prompt = Annotated[Annotated[PromptName, Tag("name")] | Annotated[Text, Tag("words")], Discriminator(_name_or_words)]
# Six prompts in a row are a recital.
Prompts = Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=6)]
# Below half a second nobody can answer; above 20 s the line seems dead.
Seconds = Annotated[float, Field(ge=0.5, le=20)]
# How often a question is put before the caller is carried on to a person.
Attempts = Annotated[int, Field(ge=1, le=5)]


class Option(_Part):
    """What one key of a choice means."""

    label: Text  # for people: pop, contact record, drawing
    next: Slug | None = None
    repeat: bool = False  # hear the question again, instead of ``next``; counts as an attempt
    member: bool | None = None  # "I am a member" (true), "I am not" (false)
    reason: Slug | None = None  # why they call, for routing, pop and reports


class SayNode(_Part):
    """Say something, go on."""

    id: Slug
    kind: Literal["say"]
    prompts: Prompts
    next: Slug
    interruptible: bool = True  # false for what must be heard, e.g. that the call is recorded


class LanguageNode(_Part):
    """Ask for the language, in all of them. Silence means ``default``, at once."""

    id: Slug
    kind: Literal["language"]
    prompts: Prompts
    keys: Annotated[dict[Key, Language], Field(min_length=1)]
    default: Language = "ja"
    timeout_s: Seconds = 3.0
    attempts: Attempts = 2
    next: Slug


class ChoiceNode(_Part):
    """One key decides."""

    id: Slug
    kind: Literal["choice"]
    prompts: Prompts
    keys: Annotated[dict[Key, Option], Field(min_length=1)]
    timeout_s: Seconds = 5.0
    attempts: Attempts = 3
    otherwise: Slug  # after so many silences or wrong keys; never the end of the call


class DigitsNode(_Part):
    """A number by keypad, read back and confirmed."""

    id: Slug
    kind: Literal["digits"]
    prompts: Prompts
    label: Text
    stores: Literal["reservation_number"]
    min_digits: Annotated[int, Field(ge=1, le=20)]
    max_digits: Annotated[int, Field(ge=1, le=20)]
    confirm: bool = True  # read back digit by digit, 1 yes, 2 again
    timeout_s: Seconds = 5.0
    attempts: Attempts = 3
    next: Slug
    otherwise: Slug  # "#" alone (I do not know it), silence, or no number after all attempts


class EndNode(_Part):
    """Where the caller goes: a queue, or a treatment."""

    id: Slug
    kind: Literal["end"]
    prompts: Annotated[tuple[Prompt, ...], Field(max_length=6)] = ()
    queue: Slug | None = None
    queue_by_language: dict[Language, Slug] = {}  # instead of ``queue`` for those languages
    skills: dict[Slug, Annotated[int, Field(ge=1, le=5)]] = {}  # asked for on top of the queue's own
    reason: Slug | None = None  # when no key said one
    treatment: Literal["nobody_logged_in", "nobody_skilled", "waited_too_long", "closed"] | None = None

    @property
    def queues(self) -> Iterator[tuple[str, str]]:
        """Every queue this can lead to, with the key that names it."""
        if self.queue is not None:
            yield "queue", self.queue
        for language, queue in self.queue_by_language.items():
            yield f"queue_by_language.{language}", queue


Node = Annotated[SayNode | LanguageNode | ChoiceNode | DigitsNode | EndNode, Field(discriminator="kind")]


class Menu(_Part):
    """A checked menu."""

    id: Slug
    language: Language = "ja"  # spoken until the caller chooses, and the language of labels in the record
    start: Slug
    # A menu of 60 nodes is one nobody can draw.
    nodes: Annotated[tuple[Node, ...], Field(min_length=1, max_length=60)]

    def node(self, node_id: str) -> Node:
        """The node of that id. Raises KeyError; a checked menu has every node it refers to."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def texts(self) -> dict[str, dict[str, str]]:
        """The words written in this menu: name of the sound file → language → words. They have to be rendered."""
        prompts = [prompt for node in self.nodes for prompt in node.prompts]
        return {prompt.prompt_name: prompt.model_dump() for prompt in prompts if isinstance(prompt, Text)}


def prompt_name(prompt: Prompt) -> str:
    """The sound file's name of a prompt, whichever way it is written."""
    return prompt if isinstance(prompt, str) else prompt.prompt_name


def parse_menu(
    data: Mapping[str, Any],
    *,
    queues: Collection[str],
    skills: Collection[str],
    prompts: Mapping[str, Collection[str]] | None = None,
) -> Menu:
    """Check a menu document against the tenant's queues and skills and the prompts of each language.

    ``prompts`` is language → names; left out, the catalogue that is shipped. Raises ConfigError with one sentence
    per problem, naming menu, node, key and what to write instead.
    """
    if prompts is None:
        prompts = prompt_names()
    try:
        menu = Menu.model_validate(data)
    except ValidationError as error:
        raise ConfigError(explain(Menu, data, error)) from error
    problems = list(graph_problems(menu, queues=queues, skills=skills, prompts=prompts))
    if problems:
        raise ConfigError(problems)
    return menu


def check_menu(data: Mapping[str, Any], queues: Collection[str], skills: Collection[str]) -> Mapping[str, Any]:
    """The menu as it is stored in ``menus.body``. Raises ConfigError as parse_menu does."""
    return menu_body(parse_menu(data, queues=queues, skills=skills))


def menu_body(menu: Menu) -> dict[str, Any]:
    """The document of a checked menu, without what is only default."""
    return {"id": menu.id, **menu.model_dump(mode="json", exclude_defaults=True)}


def stored_menu(body: Mapping[str, Any]) -> Menu:
    """A menu from ``menus.body``, which was checked before it was stored. Raises ConfigError if someone wrote there."""
    try:
        return Menu.model_validate(body)
    except ValidationError as error:
        raise ConfigError(explain(Menu, body, error)) from error


def menu_graph(menu: Menu) -> dict[str, Any]:
    """Nodes and edges for drawing, as JSON.

    ``{"id", "start", "nodes": [{"id", "kind", "prompts", "queue"?, …}], "edges": [{"from", "to", "on", "key"?,
    "label"?}]}``; ``on`` is "next", "key", "language" or "otherwise"; labels are ``{"ja", "en"}``.
    """
    nodes: list[dict[str, Any]] = []
    for node in menu.nodes:
        drawn: dict[str, Any] = {"id": node.id, "kind": node.kind}
        drawn["prompts"] = [p if isinstance(p, str) else p.model_dump() for p in node.prompts]
        if isinstance(node, EndNode):
            drawn |= node.model_dump(include=_DRAWN_OF_END, exclude_defaults=True)
        if isinstance(node, DigitsNode):
            drawn["label"] = node.label.model_dump()
        nodes.append(drawn)
    return {"id": menu.id, "start": menu.start, "nodes": nodes, "edges": [e for n in menu.nodes for e in _edges(n)]}


def _edges(node: Node) -> Iterator[dict[str, Any]]:
    if isinstance(node, ChoiceNode):
        for key, option in sorted(node.keys.items()):
            to = node.id if option.next is None else option.next
            yield {"from": node.id, "to": to, "on": "key", "key": key, "label": option.label.model_dump()}
    if isinstance(node, LanguageNode):
        for key, language in sorted(node.keys.items()):
            yield {"from": node.id, "to": node.next, "on": "language", "key": key, "language": language}
    elif isinstance(node, SayNode | DigitsNode):
        yield {"from": node.id, "to": node.next, "on": "next"}
    if isinstance(node, ChoiceNode | DigitsNode):
        yield {"from": node.id, "to": node.otherwise, "on": "otherwise"}
