// What a browser keeps of what a person chose: as long as this window is open, or for good. Where it is told to keep nothing, reading and
// writing throw: then it lasts as long as the page.

function guarded(storage) {
  const here = new Map();
  return {
    get(name) {
      if (here.has(name)) return here.get(name);
      try {
        return storage().getItem(name) || "";
      } catch {
        return "";
      }
    },
    // Nothing: it is kept no longer.
    set(name, value) {
      here.delete(name);
      try {
        if (value) storage().setItem(name, value);
        else storage().removeItem(name);
      } catch {
        here.set(name, value);
      }
    },
  };
}

export const passing = guarded(() => sessionStorage);
export const lasting = guarded(() => localStorage);
