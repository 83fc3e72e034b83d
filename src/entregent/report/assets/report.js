// The page works without this: it adds sorting, filtering, the drawer, keys and highlighting.
(function () {
  "use strict";
  const root = document.documentElement;
  const words = JSON.parse(document.getElementById("words").textContent);
  const fill = (text, ...values) => values.reduce((t, v, i) => t.split("%" + (i + 1)).join(v), text);
  const all = (query, from) => Array.from((from || document).querySelectorAll(query));

  function themes() {
    const box = document.querySelector(".themes");
    box.hidden = false;
    all("input", box).forEach(function (input) {
      input.checked = input.value === root.dataset.theme;
      input.addEventListener("change", function () {
        root.dataset.theme = input.value;
        try { localStorage.setItem("entregent-theme", input.value); } catch (error) { /* kept for this visit */ }
      });
    });
  }

  function expiry() {
    const day = document.body.dataset.expires;
    if (new Date().toISOString().slice(0, 10) <= day) return;
    const line = document.getElementById("expired");
    line.textContent = fill(words.expired, document.querySelector(".expiry time").textContent);
    line.hidden = false;
  }

  // Drawer ------------------------------------------------------------------
  let opener = null;
  const drawerOf = (hash) => (/^#p-\d+$/.test(hash) ? document.getElementById(hash.slice(1)) : null);
  const current = () => document.querySelector(".drawer.open");

  function show(drawer) {
    const before = current();
    if (before) before.classList.remove("open");
    root.classList.toggle("drawer-open", !!drawer);
    all("tr.chosen").forEach((row) => row.classList.remove("chosen"));
    if (!drawer) return;
    drawer.classList.add("open");
    drawer.scrollTop = 0;
    const row = document.querySelector('tr[data-rank="' + drawer.id.slice(2) + '"]');
    if (row) { row.classList.add("chosen"); row.scrollIntoView({ block: "nearest" }); }
    drawer.focus({ preventScroll: true });
  }

  function open(hash, from) {
    const drawer = drawerOf(hash);
    if (!drawer) return;
    if (from && !from.closest(".drawer")) opener = from;
    if (location.hash !== hash) history.pushState({ drawer: hash }, "", hash);
    show(drawer);
  }

  function close() {
    if (!current()) return;
    const rank = current().id.slice(2);
    show(null);
    history.replaceState(null, "", location.pathname + location.search);
    const row = document.querySelector('tr[data-rank="' + rank + '"]:not([hidden]) .open-drawer');
    const back = opener && opener.closest("#network") ? opener : row || opener;
    opener = null;
    if (back) back.focus();
  }

  // Without a script the drawer follows the list in the order of ranks; with one, in the order shown.
  function step(way) {
    const rows = all("#people-table tbody tr:not([hidden])");
    if (!rows.length) return;
    const drawer = current();
    const rank = drawer
      ? drawer.id.slice(2)
      : (document.activeElement.closest && document.activeElement.closest("tr[data-rank]") || { dataset: {} }).dataset.rank;
    const at = rows.findIndex((row) => row.dataset.rank === rank);
    const next = rows[at < 0 ? 0 : Math.min(Math.max(at + way, 0), rows.length - 1)];
    const link = next.querySelector(".open-drawer");
    if (drawer) {
      opener = link;
      history.replaceState({}, "", link.getAttribute("href"));
      show(drawerOf(link.getAttribute("href")));
    } else {
      link.focus();
    }
  }

  function drawers() {
    document.addEventListener("click", function (event) {
      const link = event.target.closest('a[href^="#p-"], .drawer a[href="#people"]');
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      if (link.classList.contains("close")) close();
      else if (link.classList.contains("step")) step(link === link.parentElement.firstElementChild ? -1 : 1);
      else open(link.getAttribute("href"), link);
    });
    document.addEventListener("mousedown", function (event) {
      const drawer = current();
      if (drawer && event.target.closest("main") && !event.target.closest('a[href^="#p-"]')) close();
    });
    window.addEventListener("popstate", () => show(drawerOf(location.hash)));
    window.addEventListener("hashchange", () => show(drawerOf(location.hash)));
    if (drawerOf(location.hash)) show(drawerOf(location.hash));
  }

  // People ------------------------------------------------------------------
  function people() {
    const table = document.getElementById("people-table");
    if (!table) return;
    const body = table.tBodies[0];
    const rows = all("tr", body);
    const heads = all("th[data-key]", table);
    const compare = new Intl.Collator(document.documentElement.lang).compare;

    function sort(head, way) {
      const key = head.dataset.key;
      const value = (row) => (key === "name" ? row.querySelector(".open-drawer").textContent : row.dataset[key]);
      rows.sort(function (a, b) {
        const one = value(a), two = value(b);
        // What is not known goes last whichever way, and never counts as zero.
        if (one === "" || two === "") return (one === "") - (two === "") || a.dataset.rank - b.dataset.rank;
        const order = key === "name" ? compare(one, two) : Number(one) - Number(two);
        return (way === "up" ? order : -order) || a.dataset.rank - b.dataset.rank;
      });
      rows.forEach((row) => body.appendChild(row));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way === "up" ? "ascending" : "descending");
      table.dataset.sort = key === "heard" && way === "down" ? "heard" : key + "-" + way;
      document.getElementById("sorted").textContent = fill(words.sorted, head.textContent.trim().split("\n")[0]);
    }
    heads.forEach(function (head) {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", function () {
        const now = head.getAttribute("aria-sort");
        const first = button.dataset.way;
        const other = first === "up" ? "down" : "up";
        sort(head, now === (first === "up" ? "ascending" : "descending") ? other : first);
      });
    });

    // What a screen reader is told is what a pointer is shown.
    all(".reading, .ahead", body).forEach(function (part) {
      part.title = part.classList.contains("ahead") ? part.textContent : part.querySelector(".vh").textContent;
    });

    const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const names = new Map(rows.map((row) => [row, plain(row.querySelector(".open-drawer").textContent)]));
    const filter = document.getElementById("filter");
    document.querySelector(".tools").hidden = false;
    filter.addEventListener("input", function () {
      const wanted = plain(filter.value.trim());
      let count = 0;
      rows.forEach(function (row) {
        row.hidden = !names.get(row).includes(wanted);
        count += row.hidden ? 0 : 1;
      });
      table.classList.toggle("filtered", wanted !== "");
      document.getElementById("shown").textContent = wanted ? fill(words.shown, count, rows.length) : "";
      document.getElementById("nobody").hidden = count > 0;
    });
  }

  // Network picture ---------------------------------------------------------
  function network() {
    const svg = document.getElementById("network");
    if (!svg) return;
    const dots = all(".dot", svg);
    const byIndex = new Map(dots.map((dot) => [dot.dataset.i, dot]));
    const labels = all("text[data-i]", svg);
    const arcs = all("path[data-a]", svg);
    const line = document.getElementById("network-line");
    const floating = document.createElementNS(svg.namespaceURI, "text");
    floating.setAttribute("class", "floating");
    svg.appendChild(floating);

    function light(dot) {
      const i = dot && dot.dataset.i;
      const near = new Set();
      let heard = 0, listens = 0;
      arcs.forEach(function (arc) {
        const from = arc.dataset.a === i, to = arc.dataset.b === i;
        arc.classList.toggle("lit", !!dot && (from || to));
        if (from) { near.add(arc.dataset.b); listens += 1; }
        if (to) { near.add(arc.dataset.a); heard += 1; }
      });
      svg.classList.toggle("lighting", !!dot);
      byIndex.forEach((other, j) => other.classList.toggle("lit", !!dot && (j === i || near.has(j))));
      labels.forEach((label) => label.classList.toggle("lit", !!dot && (label.dataset.i === i || near.has(label.dataset.i))));
      line.querySelector(".rest").hidden = !!dot;
      line.querySelector(".now").textContent = dot ? fill(words.node, dot.getAttribute("aria-label"), heard, listens) : "";
      floating.textContent = "";
      if (dot && !labels.some((label) => label.dataset.i === i)) {
        const circle = dot.querySelector("circle");
        const x = Number(circle.getAttribute("cx"));
        floating.setAttribute("x", x);
        floating.setAttribute("y", Math.max(16, circle.getAttribute("cy") - circle.getAttribute("r") - 5));
        floating.setAttribute("text-anchor", x < 150 ? "start" : x > 850 ? "end" : "middle");
        floating.textContent = dot.getAttribute("aria-label");
      }
    }
    dots.forEach(function (dot) {
      dot.setAttribute("tabindex", "-1");
      dot.addEventListener("mouseenter", () => light(dot));
      dot.addEventListener("mouseleave", () => light(svg.contains(document.activeElement) ? document.activeElement.closest(".dot") : null));
      dot.addEventListener("focus", function () {
        dots.forEach((other) => other.setAttribute("tabindex", other === dot ? "0" : "-1"));
        light(dot);
      });
      dot.addEventListener("blur", () => light(null));
    });
    // One stop for the tab key; arrows go on from the most to the least listened to.
    const order = dots.slice().sort((a, b) => b.querySelector("circle").getAttribute("r") - a.querySelector("circle").getAttribute("r"));
    if (order.length) order[0].setAttribute("tabindex", "0");
    svg.addEventListener("keydown", function (event) {
      const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const at = order.indexOf(document.activeElement);
      if (!way || at < 0) return;
      event.preventDefault();
      order[(at + way + order.length) % order.length].focus();
    });
  }

  // Keys --------------------------------------------------------------------
  function keys() {
    const sheet = document.getElementById("keys");
    document.querySelector(".keys-hint").hidden = false;
    document.getElementById("keys-open").addEventListener("click", () => sheet.showModal());
    document.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey || sheet.open) return;
      if (event.key === "Escape") {
        if (document.activeElement.id === "filter" && document.activeElement.value) return;
        close();
        return;
      }
      if (event.target.closest("input, textarea, select")) return;
      if (event.key === "?") { event.preventDefault(); sheet.showModal(); }
      else if (event.key === "j") step(1);
      else if (event.key === "k") step(-1);
      else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches(".open-drawer")) {
        event.preventDefault();
        step(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "/") {
        const filter = document.getElementById("filter");
        if (filter) { event.preventDefault(); close(); filter.focus(); }
      }
    });
  }

  // The drawing library is packed in the page; a browser too old to unpack it shows the tables instead.
  async function unpack() {
    const packed = atob(document.getElementById("packed").textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.appendChild(script);
  }

  function place() {
    const links = all(".rail ol a");
    if (!window.IntersectionObserver || !links.length) return;
    const observer = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        links.forEach(function (link) {
          if (link.getAttribute("href") === "#" + entry.target.id) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        });
      });
    }, { rootMargin: "-10% 0px -80% 0px" });
    links.forEach((link) => observer.observe(document.querySelector(link.getAttribute("href"))));
  }

  themes(); expiry(); people(); drawers(); network(); keys(); place();
  all('a[rel="noreferrer"]').forEach((link) => { link.target = "_blank"; });
  root.dataset.ready = "page";
  unpack().then(() => window.entregentCharts()).then(
    () => { root.dataset.ready = "all"; },
    () => { root.dataset.ready = "no-charts"; root.classList.add("no-charts"); }
  );
})();
