/**
 * The script of `report.html`. It needs Vega on the page. A chart that scrolls near the window is drawn again
 * with tooltips, and a strategy that is unticked disappears from all charts. If anything fails, the still
 * picture stays.
 */
export const pageScript = `
(() => {
  const legend = document.querySelector('.legend');
  const hidden = new Set();
  const charts = new Map();
  const tooltip = document.body.appendChild(document.createElement('div'));
  Object.assign(tooltip, { className: 'tooltip', hidden: true });

  function showTooltip(_handler, event, _item, value) {
    tooltip.hidden = value == null || value === '';
    if (tooltip.hidden) return;
    const lines = (fields) => Object.entries(fields).map(([name, text]) => name + ': ' + text).join('\\n');
    tooltip.textContent = typeof value === 'object' ? lines(value) : String(value);
    tooltip.style.left = Math.min(event.clientX + 12, innerWidth - tooltip.offsetWidth - 4) + 'px';
    tooltip.style.top = Math.min(event.clientY + 12, innerHeight - tooltip.offsetHeight - 4) + 'px';
  }

  function without(spec) {
    if (Array.isArray(spec)) return spec.map(without);
    if (spec === null || typeof spec !== 'object') return spec;
    const copy = {};
    for (const [name, value] of Object.entries(spec)) {
      const isList = name === 'values' && Array.isArray(value);
      const isTable = isList && value.some((row) => typeof row === 'object');
      copy[name] = isTable ? value.filter((row) => !row || !hidden.has(row.strategy)) : without(value);
    }
    return copy;
  }

  async function draw(chart) {
    const spec = JSON.parse(document.getElementById('spec-' + chart.dataset.chart).textContent);
    const drawing = document.createElement('div');
    const look = { renderer: 'svg', hover: true, tooltip: showTooltip, logLevel: vega.None };
    const compiled = vegaLite.compile({ ...without(spec), background: 'transparent' }).spec;
    const view = new vega.View(vega.parse(compiled), { container: drawing, ...look });
    await view.runAsync();
    const before = charts.get(chart);
    const svg = drawing.querySelector('svg');
    const still = chart.querySelector('svg');
    for (const name of ['role', 'aria-labelledby'])
      if (still.hasAttribute(name)) svg.setAttribute(name, still.getAttribute(name));
    const describes = ({ localName }) => localName === 'title' || localName === 'desc';
    svg.prepend(...[...still.children].filter(describes).map((node) => node.cloneNode(true)));
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
