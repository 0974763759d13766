/**
 * What the page does beyond being read, with Vega at hand: charts that come near the window are drawn anew with tooltips,
 * and a strategy that is ticked off disappears from all of them. Whatever fails, the still picture stays.
 */
export const pageScript = `
(() => {
  const legend = document.querySelector('.legend');
  const hidden = new Set();
  const charts = new Map();
  const tooltip = document.body.appendChild(Object.assign(document.createElement('div'), { className: 'tooltip', hidden: true }));

  function showTooltip(_handler, event, _item, value) {
    tooltip.hidden = value == null || value === '';
    if (tooltip.hidden) return;
    tooltip.textContent = typeof value === 'object' ? Object.entries(value).map(([name, text]) => name + ': ' + text).join('\\n') : String(value);
    tooltip.style.left = Math.min(event.clientX + 12, innerWidth - tooltip.offsetWidth - 4) + 'px';
    tooltip.style.top = Math.min(event.clientY + 12, innerHeight - tooltip.offsetHeight - 4) + 'px';
  }

  function without(spec) {
    if (Array.isArray(spec)) return spec.map(without);
    if (spec === null || typeof spec !== 'object') return spec;
    const copy = {};
    for (const [name, value] of Object.entries(spec)) {
      const rows = name === 'values' && Array.isArray(value) && value.some((row) => row && typeof row === 'object');
      copy[name] = rows ? value.filter((row) => !row || !hidden.has(row.strategy)) : without(value);
    }
    return copy;
  }

  async function draw(chart) {
    const spec = JSON.parse(document.getElementById('spec-' + chart.dataset.chart).textContent);
    const drawing = document.createElement('div');
    const options = { renderer: 'svg', container: drawing, hover: true, tooltip: showTooltip, logLevel: vega.None };
    const view = new vega.View(vega.parse(vegaLite.compile({ ...without(spec), background: 'transparent' }).spec), options);
    await view.runAsync();
    const before = charts.get(chart);
    const svg = drawing.querySelector('svg');
    const still = chart.querySelector('svg');
    for (const name of ['role', 'aria-labelledby']) if (still.hasAttribute(name)) svg.setAttribute(name, still.getAttribute(name));
    svg.prepend(...[...still.children].filter(({ localName }) => localName === 'title' || localName === 'desc').map((node) => node.cloneNode(true)));
    for (const name of ['role', 'aria-roledescription', 'aria-label']) drawing.removeAttribute(name);
    chart.replaceChildren(drawing);
    charts.set(chart, view);
    if (before) before.finalize();
  }

  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || charts.has(target)) continue;
      charts.set(target, null);
      draw(target).catch(() => {});
    }
  }, { rootMargin: '400px' });
  for (const chart of document.querySelectorAll('.chart[data-chart]')) near.observe(chart);

  legend.hidden = false;
  legend.addEventListener('change', ({ target }) => {
    if (target.checked) hidden.delete(target.value);
    else hidden.add(target.value);
    for (const chart of charts.keys()) draw(chart).catch(() => {});
  });
})();
`;
