// Before anything is drawn: light or dark, where a person has chosen one. Else the system's own choice counts (style.css).
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // storage is switched off: the system's choice it is
}
