"""The interpreter of a menu: a generator that yields steps and receives keys. Pure; a test is a list of replies.

Rules for every question: keys typed ahead answer it unheard; a wrong key is told and asked again; silence is asked
again; after ``attempts`` the caller is carried on, never hung up. A caller who leaves loses nothing learned so far.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from cti.domain.model import MenuFacts, MenuId, MenuStep, QueueId, SkillId, SkillLevel
from ivr.menus import ChoiceNode, DigitsNode, EndNode, LanguageNode, Menu, Node, SayNode, prompt_name
from ivr.steps import CallerLeft, Dialogue, GetDigits, Outcome, Say, SetLanguage, Step
from ivr.texts import ENDONYMS

Asking = Generator[Step, str, str]

YES, AGAIN = "1", "2"


@dataclass(kw_only=True)
class _Progress:
    """What is known so far. Owned by one dialogue."""

    menu: Menu
    language: str
    path: list[MenuStep] = field(default_factory=list)
    is_member: bool | None = None
    reservation_number: str | None = None
    reason: str | None = None
    queue: str | None = None
    skills: dict[str, int] = field(default_factory=dict)
    typed: str = ""  # keys pressed before they were asked for
    full: bool = False  # the last number took all its digits: a "#" after it is a habit, not an answer

    def facts(self) -> MenuFacts:
        return MenuFacts(
            menu=MenuId(self.menu.id),
            language=self.language,
            path=tuple(self.path),
            is_member=self.is_member,
            reservation_number=self.reservation_number,
            reason=self.reason,
            queue=None if self.queue is None else QueueId(self.queue),
            skills=tuple(SkillLevel(skill=SkillId(skill), level=level) for skill, level in self.skills.items()),
        )

    def note(self, node: Node, keys: str, label: str = "") -> None:
        self.path.append(MenuStep(node=node.id, keys=keys, label=label))

    def label_of(self, text: object) -> str:
        return str(getattr(text, self.menu.language))


def converse(menu: Menu) -> Dialogue:
    """The dialogue of a checked menu. Throw CallerLeft into it when the caller hangs up."""
    progress = _Progress(menu=menu, language=menu.language)
    try:
        yield SetLanguage(language=menu.language)
        end = yield from _to_the_end(menu, progress)
    except CallerLeft:
        return Outcome(facts=progress.facts(), completed=False)
    return Outcome(facts=progress.facts(), completed=True, treatment=end.treatment)


def _to_the_end(menu: Menu, progress: _Progress) -> Generator[Step, str, EndNode]:
    node = menu.node(menu.start)
    while not isinstance(node, EndNode):
        if isinstance(node, SayNode):
            following = yield from _say(node, progress)
        elif isinstance(node, LanguageNode):
            following = yield from _language(node, progress)
        elif isinstance(node, ChoiceNode):
            following = yield from _choice(node, progress)
        else:
            following = yield from _digits(node, progress)
        node = menu.node(following)
    progress.queue = node.queue_by_language.get(progress.language, node.queue)  # type: ignore[call-overload]
    progress.skills = dict(node.skills)
    progress.reason = progress.reason or node.reason
    if node.prompts:
        yield Say(prompts=_names(node))
    return node


def _say(node: SayNode, progress: _Progress) -> Asking:
    # Somebody who types ahead knows the greeting; what must be heard is said all the same.
    if not (progress.typed and node.interruptible):
        progress.typed += yield Say(prompts=_names(node), interruptible=node.interruptible)
    return node.next


def _language(node: LanguageNode, progress: _Progress) -> Asking:
    chosen, pressed = node.default, ""
    for attempt in range(node.attempts):
        pressed = yield from _one_key(_asked_again(node, attempt), node.timeout_s, progress, known=node.keys)
        if pressed == "" or pressed in node.keys:
            break
        progress.typed = ""
    chosen = node.keys.get(pressed, node.default)
    progress.note(node, pressed, ENDONYMS[chosen] if pressed in node.keys else "")
    progress.language = chosen
    yield SetLanguage(language=chosen)
    return node.next


def _choice(node: ChoiceNode, progress: _Progress) -> Asking:
    prompts, pressed = _names(node), ""
    for _ in range(node.attempts):
        pressed = yield from _one_key(prompts, node.timeout_s, progress, known=node.keys)
        option = node.keys.get(pressed)
        if option is None:
            progress.typed = ""  # whatever follows a wrong key was meant for another question
            prompts = _names(node) if pressed == "" else ("wrong-key", *_names(node))
            continue
        if option.next is None:
            prompts = _names(node)
            continue
        progress.note(node, pressed, progress.label_of(option.label))
        progress.is_member = progress.is_member if option.member is None else option.member
        progress.reason = option.reason or progress.reason
        return option.next
    progress.note(node, pressed)
    return node.otherwise


def _digits(node: DigitsNode, progress: _Progress) -> Asking:
    prompts = _names(node)
    for _ in range(node.attempts):
        number = yield from _number(prompts, node, progress)
        if number == "#":
            break
        if number == "":
            prompts = _names(node)
            continue
        if not number.isdecimal() or len(number) < node.min_digits:
            prompts = ("number-too-short", *_names(node))
            continue
        answer = YES if not node.confirm else (yield from _confirmed(number, node, progress))
        if answer == YES:
            progress.reservation_number = number
            progress.note(node, number, progress.label_of(node.label))
            return node.next
        if answer == "":
            break  # silent twice: somebody who is busy with a car; a person will ask
        prompts = _names(node)
    progress.note(node, "")
    return node.otherwise


def _number(prompts: tuple[str, ...], node: DigitsNode, progress: _Progress) -> Asking:
    """Keys up to "#" or ``max_digits``, those typed ahead first. "#": only that; "": silence."""
    typed, progress.typed = progress.typed, ""
    early, ended, later = typed.partition("#")
    if ended:
        number, progress.typed = early[: node.max_digits], later
        progress.full = False
        return number or "#"
    if len(early) < node.max_digits:
        asked = GetDigits(
            prompts=() if early else prompts, max_digits=node.max_digits - len(early), timeout_s=node.timeout_s
        )
        pressed = yield asked
        if pressed == "#" and early:
            pressed = ""
        early += pressed
    number, progress.typed = early[: node.max_digits], early[node.max_digits :]
    progress.full = len(number) == node.max_digits
    return number


def _confirmed(number: str, node: DigitsNode, progress: _Progress) -> Asking:
    """Read back, ask "is that right": YES, AGAIN, or "" when there was no answer twice."""
    readback = ("readback-intro", *(f"digit-{digit}" for digit in number), "readback-confirm")
    prompts = readback
    for _ in range(2):
        pressed = yield from _one_key(prompts, node.timeout_s, progress, known=(YES, AGAIN))
        if pressed in (YES, AGAIN):
            return pressed
        progress.typed = ""
        prompts = readback if pressed == "" else ("wrong-key", "readback-confirm")
    return ""


def _one_key(prompts: tuple[str, ...], timeout_s: float, progress: _Progress, *, known: object) -> Asking:
    """One key, typed ahead or asked for; "" for silence."""
    while True:
        if progress.typed:
            pressed, progress.typed = progress.typed[0], progress.typed[1:]
        else:
            pressed = yield GetDigits(prompts=prompts, max_digits=1, timeout_s=timeout_s)
        full, progress.full = progress.full, False
        # The "#" people press after a number that was complete without it.
        if not (full and pressed == "#" and "#" not in known):  # type: ignore[operator]
            return pressed


def _asked_again(node: LanguageNode, attempt: int) -> tuple[str, ...]:
    return _names(node) if attempt == 0 else ("wrong-key", *_names(node))


def _names(node: Node) -> tuple[str, ...]:
    return tuple(prompt_name(prompt) for prompt in node.prompts)
