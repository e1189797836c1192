// What is on the page as a value, and the page made equal to it.
//
//   h("li", {key: id, class: "row", on: {click: choose}}, "text", h(...))   a description
//   render(root, description)                                               the difference is applied, nothing else is touched
//
// Texts become text nodes, whatever they hold; nothing is ever read as HTML. What stays keeps its node, and with it focus, selection and
// scroll position: children with a `key` are found again by it, others by their order among those of the same tag.
//
// props: `key`; `on`: listeners by event; `style`: CSS properties (inline style attributes are forbidden by our own policy); `is`:
// properties of the node rather than attributes, such as `value`; everything else an attribute: true is there, false and null are not.

const SVG = "http://www.w3.org/2000/svg";
const NONE = Object.freeze({});

export function h(tag, props, ...children) {
  return { tag, props: props || NONE, children: flat(children, []), key: props?.key ?? null, node: null };
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else if (typeof child === "object") into.push(child);
    else into.push({ tag: "", text: String(child), props: NONE, children: [], key: null, node: null });
  }
  return into;
}

export function render(root, wanted) {
  const focused = document.activeElement;
  root.drawn = placeChildren(root, root.drawn || begin(root), flat([wanted], []), false);
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

function begin(root) {
  root.replaceChildren();
  return [];
}

function placeChildren(parent, before, wanted, isSvg) {
  const match = matcher(before);
  const pairs = wanted.map((item) => [item, match(item)]);
  const kept = new Set(pairs.map(([, old]) => old));
  for (const old of before) if (!kept.has(old)) old.node.remove();
  let next = parent.firstChild;
  for (const [item, old] of pairs) {
    if (old) change(old, item, isSvg);
    else item.node = made(item, isSvg);
    if (item.node === next) next = next.nextSibling;
    else parent.insertBefore(item.node, next);
  }
  return wanted;
}

function matcher(before) {
  const keyed = new Map();
  const byTag = new Map();
  for (const old of before) {
    if (old.key !== null) keyed.set(old.tag + " " + old.key, old);
    else if (byTag.has(old.tag)) byTag.get(old.tag).push(old);
    else byTag.set(old.tag, [old]);
  }
  for (const list of byTag.values()) list.reverse();
  return (item) => {
    if (item.key === null) return byTag.get(item.tag)?.pop();
    const id = item.tag + " " + item.key;
    const old = keyed.get(id);
    keyed.delete(id); // a key that comes twice is a new node the second time
    return old;
  };
}

function made(item, isSvg) {
  if (!item.tag) return document.createTextNode(item.text);
  const inSvg = isSvg || item.tag === "svg";
  const node = inSvg ? document.createElementNS(SVG, item.tag) : document.createElement(item.tag);
  node.listeners = {};
  node.heard = new Set();
  setProps(node, NONE, item.props);
  placeChildren(node, [], item.children, inSvg);
  setIs(node, item.props); // the value of a <select> is known when its options are there
  return node;
}

function change(old, item, isSvg) {
  const node = (item.node = old.node);
  if (!item.tag) {
    if (old.text !== item.text) node.data = item.text;
    return;
  }
  setProps(node, old.props, item.props);
  placeChildren(node, old.children, item.children, isSvg || item.tag === "svg");
  setIs(node, item.props);
}

function setProps(node, before, now) {
  for (const name in before) if (!(name in now)) setAttribute(node, name, null);
  for (const name in now) {
    if (name === "on") listen(node, before.on || NONE, now.on);
    else if (name === "style") setStyle(node, before.style || NONE, now.style);
    else if (name !== "key" && name !== "is" && before[name] !== now[name]) setAttribute(node, name, now[name]);
  }
}

function setAttribute(node, name, value) {
  if (name === "on") listen(node, node.listeners, NONE);
  else if (name === "style") node.removeAttribute("style");
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

function setStyle(node, before, now) {
  for (const name in before) if (!(name in now)) node.style.removeProperty(name);
  for (const name in now) if (before[name] !== now[name]) node.style.setProperty(name, now[name]);
}

function setIs(node, props) {
  for (const name in props.is || NONE) if (node[name] !== props.is[name]) node[name] = props.is[name];
}

// One listener for each event of a node, which calls whatever is wanted now: a new closure with each drawing costs nothing.
function listen(node, before, now) {
  for (const name in before) if (!(name in now)) delete node.listeners[name];
  for (const name in now) {
    if (!node.heard.has(name)) {
      node.heard.add(name);
      node.addEventListener(name, (event) => node.listeners[name]?.(event));
    }
    node.listeners[name] = now[name];
  }
}
