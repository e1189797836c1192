// Where the targets of a dependency graph stand: what nothing depends on at the top, and below each what it depends on.
//
// Layers by the longest way from the top; within a layer by the mean place of the neighbours in the layer above, then below, a few times over
// (the barycentre method: Sugiyama, Tagawa and Toda 1981, IEEE Transactions on Systems, Man, and Cybernetics 11, 109-125).

const SWEEPS = 6;

// nodes: [{name, depends_on: [name]}] → {layers: [[name]], ways: [[from, ..., to]]}. Where an edge crosses a layer, a name of its own stands there
// and holds a gap open, so that no edge runs through a target. A cycle, which definitions refuse, only loses an edge.
export function layered(nodes) {
  const known = new Map(nodes.map((node) => [node.name, node]));
  const depth = depths(known);
  const layers = [];
  for (const name of known.keys()) (layers[depth.get(name)] ||= []).push(name);
  const ways = nodes.flatMap((node) => node.depends_on.filter((one) => depth.get(one) > depth.get(node.name)).map((one) => wayTo(node.name, one, depth, layers)));
  const steps = ways.flatMap((way) => way.slice(1).map((name, index) => [way[index], name]));
  for (let sweep = 0; sweep < SWEEPS; sweep++) order(layers, steps, sweep % 2 === 0);
  return { layers, ways };
}

function wayTo(from, to, depth, layers) {
  const way = [from];
  for (let layer = depth.get(from) + 1; layer < depth.get(to); layer++) {
    const gap = `${from}→${to} ${layer}`;
    layers[layer].push(gap);
    way.push(gap);
  }
  return [...way, to];
}

function depths(known) {
  const above = new Map([...known.keys()].map((name) => [name, []]));
  for (const [name, node] of known) for (const one of node.depends_on) above.get(one)?.push(name);
  const depth = new Map();
  const visit = (name, path) => {
    if (depth.has(name)) return depth.get(name);
    if (path.has(name)) return 0;
    path.add(name);
    const found = above.get(name).length ? 1 + Math.max(...above.get(name).map((one) => visit(one, path))) : 0;
    path.delete(name);
    depth.set(name, found);
    return found;
  };
  for (const name of known.keys()) visit(name, new Set());
  return depth;
}

function order(layers, edges, isDown) {
  const place = new Map();
  const note = (layer) => layer.forEach((name, index) => place.set(name, (index + 0.5) / layer.length));
  layers.forEach(note);
  for (const layer of isDown ? layers : [...layers].reverse()) {
    const wanted = new Map(layer.map((name) => [name, mean(neighbours(name, edges, isDown).map((one) => place.get(one)), place.get(name))]));
    layer.sort((one, other) => wanted.get(one) - wanted.get(other));
    note(layer);
  }
}

const neighbours = (name, edges, isDown) => edges.filter((edge) => edge[isDown ? 1 : 0] === name).map((edge) => edge[isDown ? 0 : 1]);
const mean = (values, otherwise) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : otherwise);
