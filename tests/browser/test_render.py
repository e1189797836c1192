"""Whatever was shown before, what is shown now is what a fresh page would show; and what stays keeps its node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import Window, window
from tests.browser.world import World
from tests.e2e.daemon_process import running

MODULE = "() => document.querySelector('script[type=module]').src.replace('main.js', 'lib/render.js')"
# Trees with and without keys, attributes, listeners and SVG, from a seed: each is drawn over the one before it, and beside it afresh.
COMPARE = """
async ([module, rounds]) => {
  const { h, render } = await import(module);
  let seed = 7;
  const draw = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const tree = (depth) => {
    if (depth === 0 || draw(4) === 0) return ["text " + draw(5), null, false, draw(99), "<b>no</b>"][draw(5)];
    const keys = [1, 2, 3, 4, 5, 6].sort(() => draw(3) - 1);
    const children = Array.from({ length: draw(6) }, (_, index) => {
      const child = tree(depth - 1);
      return child?.tag && draw(2) ? { ...child, key: keys[index], props: { ...child.props, key: keys[index] } } : child;
    });
    const props = { class: "c" + draw(3), hidden: draw(2) === 0, title: draw(2) ? "t" + draw(4) : null };
    if (draw(3) === 0) props.on = { click() {} };
    if (draw(3) === 0) props.style = { width: draw(9) + "px" };
    return h(["div", "p", "svg", "ul"][draw(4)], props, children);
  };
  const copy = (node) => node?.tag ? h(node.tag, node.props, node.children.map(copy)) : node?.text ?? node;
  const page = document.createElement("div");
  for (let round = 0; round < rounds; round++) {
    const wanted = h("div", null, tree(4), tree(3));
    const fresh = document.createElement("div");
    render(fresh, copy(wanted));
    render(page, wanted);
    const tidy = (root) => root.innerHTML.replaceAll(' style=""', "");
    if (tidy(fresh) !== tidy(page)) return `round ${round}: ${tidy(fresh)} is not ${tidy(page)}`;
  }
  return "";
}
"""
KEEP = """
async (module) => {
  const { h, render } = await import(module);
  const page = document.createElement("div");
  document.body.append(page);
  const list = (...keys) => h("ul", null, keys.map((key) => h("li", { key }, h("input", { name: key }))));
  render(page, list("a", "b", "c"));
  const b = page.querySelector("[name=b]");
  b.value = "being written";
  b.focus();
  render(page, list("c", "d", "b"));
  const isKept = page.querySelector("[name=b]") === b && b.value === "being written" && document.activeElement === b;
  const order = [...page.querySelectorAll("input")].map((one) => one.name).join("");
  page.remove();
  return [isKept, order];
}
"""


@pytest.fixture(scope="module")
def ours(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    world = World(Path(tmp_path_factory.mktemp("render")))
    with running(world.daemon), window(browser, world.address) as one:
        yield one.open("errors")


def test_three_hundred_trees_drawn_over_each_other_are_what_they_are_afresh(ours: Window) -> None:
    assert ours.page.evaluate(COMPARE, [ours.page.evaluate(MODULE), 300]) == ""


def test_what_stays_keeps_its_node_its_focus_and_what_is_being_written(ours: Window) -> None:
    assert ours.page.evaluate(KEEP, ours.page.evaluate(MODULE)) == [True, "cdb"]
