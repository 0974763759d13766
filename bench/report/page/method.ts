import type { Claims, Environment } from '../../tables/environment.js';
import type { Findings } from '../../verdict/findings.js';
import { sourceSentence } from '../../words/source.js';
import { type Html, html } from './html.js';

const tests: Readonly<Record<Claims, string>> = {
  nothing: 'This profile claims nothing: it shows that everything works.',
  suggests: 'This profile rests on intervals alone and at most suggests.',
  verdicts:
    'The words faster and slower need an adjusted p (Holm) below 0.05 and an interval beyond the margin.',
};

/** How a run measures, what it does not show, and how to repeat it. */
export function methodSection({ environment }: Findings): Html {
  const { claims, command } = environment;
  return html`<p>A trial is a fresh process that measures one strategy at one number of workers on one set
of documents.
A round runs every such cell once in random order, and ratios are paired within a round.
Intervals are 95 % intervals on logarithms over rounds. ${tests[claims]}</p>
<p>The baseline is suggested unless the interval of some configuration over it lies wholly beyond the margin.
Otherwise the suggestion is one of the configurations within 3 % of the best: the one with the weakest
isolation, then the fewest workers, then the highest rate.
A configuration that qualifies at every size is preferred.</p>
<p>CPU time and context switches count the whole process tree; memory counts pages that processes share once.
Latency is a document's time from being pulled until its outcome was emitted, at full load. A strategy that
splits a corpus up front pulls it before the workers begin, so its latency is a part of the whole run.
A server at half load has a shorter one. The results of every pass were compared with those of a
sequential run.</p>
${filesParagraph(environment)}
<p>This run shows something about this machine, this Node, these documents and this task.
It shows nothing about others.</p>
<p>Repeat it:</p><pre>${command}</pre>
<p>The files beside this page hold every trial and every figure: trials.csv, summary.csv, comparisons.csv,
winners.csv, crossovers.csv, situations.csv, scaling.csv, projections.csv, hints.csv, environment.json.</p>`;
}

function filesParagraph(environment: Environment): Html | null {
  const sentence = sourceSentence(environment);
  if (sentence === null) return null;
  return html`<p>${sentence}
With delivery reference the worker reads, with every other delivery the caller does, ahead of the workers.
All files had been read once before the first trial.
Files that come from a disk or over a network take longer, and nothing here shows how much.</p>`;
}
