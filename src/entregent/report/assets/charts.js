// Draws every figure.chart from the Vega-Lite in its JSON block; the contract is in charts/spec.py.
(function () {
  "use strict";

  const finalizers = new WeakMap();

  // What is not known is hatched: one pattern for all charts of the page.
  function hatch() {
    if (document.getElementById("entregent-hatch")) return;
    const holder = document.createElement("div");
    holder.style.cssText = "position:absolute;width:0;height:0;overflow:hidden";
    holder.setAttribute("aria-hidden", "true");
    holder.innerHTML =
      '<svg width="0" height="0"><defs><pattern id="entregent-hatch" width="6" height="6" ' +
      'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<line x1="0" y1="0" x2="0" y2="6" stroke="var(--muted)" stroke-width="1.4"/></pattern></defs></svg>';
    document.body.appendChild(holder);
  }

  // Vega-Lite fits a single view to its container; stacked views are given their width here.
  function fitted(spec, width) {
    if (!spec.vconcat) return spec;
    const inner = Math.max(160, Math.floor(width) - spec.usermeta.margin);
    return Object.assign({}, spec, {
      vconcat: spec.vconcat.map(function (view) { return Object.assign({}, view, { width: inner }); }),
    });
  }

  function draw(figure) {
    const view = figure.querySelector(".chart-view");
    const block = figure.querySelector("script.chart-spec");
    const width = view ? view.clientWidth : 0;
    if (!block || width === 0 || Number(view.dataset.width) === width) return Promise.resolve();
    view.dataset.width = width;
    const options = {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, hover: false,
      tooltip: { disableDefaultStyle: true, theme: "entregent" },
    };
    return window.vegaEmbed(view, fitted(JSON.parse(block.textContent), width), options).then(
      function (drawn) {
        const before = finalizers.get(figure);
        if (before) before();
        finalizers.set(figure, drawn.finalize);
        figure.dataset.drawn = "true";
      },
      function (error) { figure.dataset.drawn = "false"; console.error(figure.id, error); }
    );
  }

  window.entregentCharts = function (root) {
    hatch();
    const figures = Array.from((root || document).querySelectorAll("figure.chart"));
    if (window.ResizeObserver) {
      let pending = 0;
      const observer = new ResizeObserver(function () {
        clearTimeout(pending);
        pending = setTimeout(function () { figures.forEach(draw); }, 120);
      });
      figures.forEach(function (figure) { observer.observe(figure); });
    }
    return Promise.all(figures.map(draw));
  };
})();
