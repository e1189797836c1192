// Every page: its address behind the #, its name, its key after "g", its file. One line here and one file are a page. Those without a key are
// not in the navigation; `tab` says under which other page they stand.

export const PLACES = [
  { path: "", title: "Now", key: "n", file: "./now.js" },
  { path: "errors", title: "Errors", key: "e", file: "./errors.js" },
  { path: "errors/:id", title: "Error", tab: "errors", file: "./error.js" },
  { path: "targets", title: "Targets", key: "t", file: "./targets.js" },
  { path: "strategies", title: "Strategies", key: "s", file: "./strategies.js" },
  { path: "layers", title: "Goals", key: "l", file: "./layers.js" },
  { path: "host", title: "Host", key: "h", file: "./host.js" },
  { path: "workflows", title: "Workflows", key: "w", file: "./workflows.js" },
  { path: "workflow-runs/:id", title: "Workflow", tab: "workflows", file: "./run.js" },
  { path: "hooks", title: "Hooks", key: "k", file: "./hooks.js" },
  { path: "audit", title: "Audit", key: "a", file: "./audit.js" },
];

// "#/errors/3f2a?x=y" → {place, params: {id: "3f2a"}, query: {x: "y"}}; null where there is no such page.
export function found(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean);
  for (const place of PLACES) {
    const wanted = place.path.split("/").filter(Boolean);
    if (wanted.length !== parts.length) continue;
    const params = {};
    if (wanted.every((one, index) => (one[0] === ":" ? ((params[one.slice(1)] = decoded(parts[index])), true) : one === parts[index]))) {
      return { place, params, query: Object.fromEntries(new URLSearchParams(query)) };
    }
  }
  return null;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
