"""The page in use: desktop and phone, keyboard, screen readers, odd input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Chromium
from documents_in_memory import REAL, Doc, Store
from real_texts import real_texts

from sift_retrievers.retrieval import Target

QUESTION = real_texts()[1][0]
TAB, RIGHT, HOME, ENTER, SPACE = "\ue004", "\ue014", "\ue011", "\ue007", " "


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    explanation = REAL.ask(QUESTION, 4).explanation(k=4)
    return explanation.html(tmp_path_factory.mktemp("page") / "page.html")


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (768, 1024), (390, 844), (320, 568)])
def test_nothing_is_wider_than_the_window(
    chromium: Chromium, page: Path, width: int, height: int
) -> None:
    chromium.open(page, width, height)
    assert chromium.run("return innerWidth") == width
    assert chromium.run("return document.documentElement.scrollWidth") <= width
    wide = chromium.run(
        "return [...document.querySelectorAll('main *')].filter((element) =>"
        "element.getBoundingClientRect().right > innerWidth + 1"
        " && !element.closest('svg, .unseen, .repeat')).map((element) => element.className)"
    )
    assert wide == []
    assert chromium.messages() == []


WEAK_CONTRASTS = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => {
  const [r, g, b] = channels(colour).slice(0, 3).map((value) => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (let up = element; up; up = up.parentElement) {
    const colour = getComputedStyle(up).backgroundColor;
    if ((channels(colour)[3] ?? 1) > 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const isText = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
const weak = [];
for (const element of document.querySelectorAll("main *")) {
  if (![...element.childNodes].some(isText)) continue;
  if (element.closest("svg, button:disabled")) continue;
  const [one, two] = [light(getComputedStyle(element).color), light(ground(element))];
  const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  if (contrast < 4.5) weak.push([element.className, element.textContent.slice(0, 20), contrast]);
}
return weak;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(chromium: Chromium, page: Path, scheme: str) -> None:
    """Contrast of at least 4.5 to 1, WCAG's level AA, on every ground a text stands on."""
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    chromium.open(page)
    weak = chromium.run(WEAK_CONTRASTS)
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert weak == []


def test_every_control_has_a_name_for_screen_readers(chromium: Chromium, page: Path) -> None:
    chromium.open(page)
    chromium.driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = chromium.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named: dict[str, list[str]] = {}
    for node in nodes:
        if not node["ignored"]:
            name = node.get("name", {}).get("value", "")
            named.setdefault(node["role"]["value"], []).append(name)
    sliders = ["k", "λ′", "weight of words", "fetch_k", "lambda_mult"]
    assert named["slider"] == sliders
    assert all(named["radio"])
    assert all(named["button"])
    assert all(named["heading"])
    assert len(named["main"]) == 1
    assert named["status"]
    values = {
        node["name"]["value"]: node["value"]["value"]
        for node in nodes
        if node.get("role", {}).get("value") == "slider"
    }
    said = chromium.run(
        "return [...document.querySelectorAll('input[type=range]')]"
        ".map((slider) => slider.getAttribute('aria-valuetext'))"
    )
    assert said == ["4", "0.1", "1", "100", "0.5"]
    assert len(values) == len(sliders)
    dots = [name for name in named["button"] if name.startswith(("Pick", "Candidate"))]
    assert len(dots) == 100
    assert sum(name.startswith("Pick") for name in dots) == 4


def test_the_keyboard_alone_is_enough(chromium: Chromium, page: Path) -> None:
    chromium.open(page)
    chromium.run("document.body.focus()")
    chromium.press(TAB)
    assert chromium.focused().get_attribute("id") == "slider-k"
    chromium.press(RIGHT, RIGHT)
    assert len(chromium.shown_picks()) == len(chromium.shown_picks("mmr")) == 6
    assert "6 picks, 4 of them" in chromium.run(
        "return document.querySelector('[role=status]').textContent"
    )
    for _ in range(5):
        chromium.press(TAB)
    assert chromium.focused().text.startswith("Back to")
    chromium.press(ENTER)
    assert len(chromium.shown_picks()) == 4
    chromium.run("document.querySelector('input[value=ours]').focus()")
    chromium.press(TAB)
    first = chromium.focused().get_attribute("aria-label")
    assert first.startswith(("Pick", "Candidate"))
    chromium.press(RIGHT)
    second = chromium.focused().get_attribute("aria-label")
    assert second != first
    chromium.press(HOME)
    assert chromium.focused().get_attribute("aria-label") == first
    chromium.press(RIGHT, ENTER)
    assert chromium.focused().get_attribute("id") == "candidate-1"


def test_a_dot_shows_its_passage_even_one_that_is_not_listed_yet(
    chromium: Chromium, page: Path
) -> None:
    chromium.open(page)
    for position in range(0, 100, 7):
        chromium.run(
            "document.querySelector(`[data-position='${arguments[0]}']`)"
            ".dispatchEvent(new MouseEvent('click', {bubbles: true}))",
            position,
        )
        assert chromium.focused().get_attribute("id") == f"candidate-{position}"
        assert chromium.focused().is_displayed()


def test_words_of_the_question_are_marked_and_copies_stand_together(
    chromium: Chromium, tmp_path: Path
) -> None:
    text = "The pump PX-4015 moves forty litres a minute, says the data sheet."
    texts = [text, text, text + " It is blue.", "Something else about a valve.", "Ein Ventil."]
    store = Store([Doc(one, {}) for one in texts])
    chromium.open(store.ask("Which pump is PX-4015?", 2).explanation().html(tmp_path / "p.html"))
    marks = chromium.run(
        "return [...document.querySelectorAll('.pick mark')].map((m) => m.textContent)"
    )
    assert {"pump", "PX", "4015"} <= {*marks}
    summary = chromium.run("return document.querySelector('.copies summary').textContent")
    assert summary == "2 near-copies were passed over"
    verdicts = chromium.run(
        "return [...document.querySelectorAll('.verdict')].map((v) => v.textContent)"
    )
    assert verdicts[0].startswith("1 pick repeats an earlier one")
    assert verdicts[2].startswith("no near-copies")


ODD: list[dict[str, Any]] = [
    {"texts": []},
    {"texts": ["only one"]},
    {"texts": ["", " \n", ""]},
    {"texts": ["same"] * 6},
    {"texts": ["word " * 40_000, "long " * 30_000]},
    {"texts": ["東京は日本の首都です。", "ประเทศไทย", "القاهرة هي العاصمة", "👩‍👩‍👧 ß ﬁ"]},
    {"texts": ["one", "two"], "question": ""},
    {"texts": ["one", "two", "three"], "score_threshold": 1.0},
    {"texts": ["one", "two", "three"], "min_chance": 1.0},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:40])
def test_odd_input_gives_a_page(chromium: Chromium, tmp_path: Path, odd: dict[str, Any]) -> None:
    given = dict(odd)
    texts, question = given.pop("texts"), given.pop("question", "東京 the word one")
    vectors = np.zeros((len(texts), 96), np.float32)
    vectors[:, 0] = 1
    store = Store([Doc(text) for text in texts], vectors)
    targets = [Target(np.ones(96, np.float32), question or None)]
    explanation = store.ask(question, 4, targets=targets, **given).explanation()
    path = explanation.html(tmp_path / "page.html")
    assert path.stat().st_size < 4e6
    chromium.open(path)
    assert chromium.messages() == []
    assert chromium.run("return document.querySelectorAll('h1').length") == 1
    for name in chromium.run(
        "return [...document.querySelectorAll('input[type=range]')].map((slider) => slider.name)"
    ):
        for value in (0, 1, 10_000):
            chromium.slide(name, value)
    assert chromium.messages() == []


def test_several_targets(chromium: Chromium, tmp_path: Path) -> None:
    questions = real_texts()[1][:3]
    targets = [Target(REAL.ask(q, 1).targets[0].vector, q) for q in questions[:2]]
    targets.append(Target(REAL.ask(questions[2], 1).targets[0].vector))
    retrieval = REAL.ask("", 5, targets=targets)
    chromium.open(retrieval.explanation().html(tmp_path / "page.html"))
    got = chromium.run("return siftPage.choose({}).positions")
    assert got == [pick.position for pick in retrieval.picks]
    assert len(chromium.run("return [...document.querySelectorAll('.question')]")) == 3
    assert chromium.messages() == []


def test_too_many_candidates_for_sliders(chromium: Chromium, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    documents = [Doc(f"passage {i} about {i % 7}") for i in range(1_001)]
    store = Store(documents, random.normal(size=(1_001, 8)).astype(np.float32))
    target = [Target(np.ones(8, np.float32), "passage 5")]
    explanation = store.ask("passage 5", 3, fetch=2_000, targets=target).explanation()
    assert explanation.to_dict(inputs=True)["inputs"] is None
    chromium.open(explanation.html(tmp_path / "page.html"))
    assert chromium.messages() == []
    assert chromium.run("return document.querySelectorAll('.picks > li').length") == 100
    assert chromium.run("return document.querySelectorAll('li.pick').length") == 3
