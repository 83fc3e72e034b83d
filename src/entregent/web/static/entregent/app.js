// Keys, the sheet that lists them, appearance, and answers that are no page.
(function () {
  "use strict";
  const root = document.documentElement;
  const sheet = document.getElementById("keys");

  // Appearance: system, light or dark, kept in this browser.
  document.querySelectorAll("[data-theme-choice]").forEach(function (button) {
    button.addEventListener("click", function () {
      const order = ["", "light", "dark"];
      const now = root.dataset.theme || "";
      const next = order[(order.indexOf(now) + 1) % order.length];
      if (next) root.dataset.theme = next; else delete root.dataset.theme;
      try { localStorage.setItem("entregent-theme", next); } catch (error) { console.warn("appearance is not kept", error); }
    });
  });

  function writing(target) {
    return target.closest && target.closest("input, textarea, select, [contenteditable]");
  }
  function show(open) {
    if (!sheet) return;
    if (open) sheet.showModal(); else sheet.close();
  }
  document.querySelectorAll("[data-keys]").forEach(function (button) {
    button.addEventListener("click", function () { show(true); });
  });
  if (sheet) {
    sheet.addEventListener("click", function (event) {
      if (event.target === sheet || event.target.closest("[data-close]")) show(false);
    });
  }

  // "g" and then the key of a place.
  let going = 0;
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    if (event.key === "?") { event.preventDefault(); show(true); return; }
    if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); }
      return;
    }
    if (event.key === "g") { going = Date.now(); return; }
    if (going && Date.now() - going < 1500) {
      const place = document.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
      if (place) { event.preventDefault(); location.assign(place.href); }
    }
    going = 0;
  });

  // The language of the browser's zone, for somebody who enters for the first time.
  const zone = document.querySelector("select[data-guess-zone]");
  if (zone) {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (Array.from(zone.options).some(function (option) { return option.value === own; })) zone.value = own;
  }

  // A second click sends nothing twice.
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method.toLowerCase() === "post" && !form.hasAttribute("hx-post")) {
      form.dataset.sent = "yes";
      form.querySelectorAll("button").forEach(function (button) { button.setAttribute("aria-busy", "true"); });
    }
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach(function (button) { button.removeAttribute("aria-busy"); });
    });
  });
})();
