/** The style of `report.html` has one column, is light or dark, and fits a phone and paper. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --text: #222; --muted: #5c5c5c; --page: #fff; --card: #f6f7f8; --line: #d9dcdf; --accent: #00429d;
  --good: #00704f; --warn: #8a5a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e6e6; --muted: #a9adb2; --page: #141618; --card: #1e2124; --line: #3a3f44;
    --accent: #8db9ff; --good: #5fd0a5; --warn: #e5b567;
  }
  /* Charts are drawn for white; turned around in lightness they keep their hues. */
  .chart svg, .symbol { filter: invert(1) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .5rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 52rem; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--card); padding: .75rem; overflow-x: auto; }
.muted, .meta { color: var(--muted); font-size: .875rem; }
.verdict {
  background: var(--card); border-left: 4px solid var(--accent); padding: .75rem 1rem; margin: .75rem 0;
}
.verdict h3 { margin-top: 0; }
.badge {
  border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem; font-size: .8rem;
  font-weight: 600; white-space: nowrap;
}
.clear { color: var(--good); } .tie { color: var(--accent); } .inconclusive, .warning { color: var(--warn); }
.scroll { overflow-x: auto; }
.verdict .scroll { margin-bottom: .75rem; }
table {
  overflow-wrap: normal; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
}
th, td {
  padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line);
}
th {
  font-weight: 600; } td.number, th.number { text-align: right;
  } .number, td code, .nowrap td { white-space: nowrap;
}
tr.group td { border-top: 2px solid var(--line); }
tr.choice { font-weight: 600; }
figure { margin: 0 0 2rem; scroll-margin-top: 3rem; }
.chart { overflow-x: auto; margin: .5rem 0; }
.chart svg { display: block; font-family: 'DejaVu Sans', Verdana, sans-serif; }
.chart svg > rect:first-of-type { fill: none; }
figcaption { max-width: 52rem; }
details { font-size: .875rem; margin: .25rem 0; }
summary { cursor: pointer; color: var(--muted); }
.legend {
  position: sticky; top: 0; z-index: 1; background: var(--page); border: 0;
  border-bottom: 1px solid var(--line); margin: 0 0 1rem; padding: .5rem 0; display: flex; flex-wrap: wrap;
  gap: .25rem 1rem; font-size: .875rem;
}
.legend[hidden] { display: none; }
.legend label { display: inline-flex; align-items: center; gap: .35rem; cursor: pointer; }
.tooltip {
  position: fixed; z-index: 2; pointer-events: none; background: var(--page); color: var(--text);
  border: 1px solid var(--line); padding: .35rem .6rem; font-size: .8rem; white-space: pre;
  box-shadow: 0 2px 8px #0003;
}
.hints { padding-left: 1.1rem; } .hints li { margin: .4rem 0; }
@media print {
  :root {
    color-scheme: light; --text: #000; --muted: #444; --page: #fff; --card: #fff; --line: #bbb;
    --accent: #00429d; --good: #00704f; --warn: #8a5a00;
  }
  .chart svg, .symbol { filter: none; max-width: 100%; height: auto; }
  .legend, .download { display: none; }
  body { max-width: none; font-size: 11pt; padding: 0; }
  figure, .verdict, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;
