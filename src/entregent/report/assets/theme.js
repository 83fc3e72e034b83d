// Before anything is drawn: the chosen appearance, and that scripts run.
(function () {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("entregent-theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch (error) { /* a browser that keeps nothing shows the system's appearance */ }
})();
