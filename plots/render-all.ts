import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Spec } from './chart.js';
import { renderSvg } from './render.js';

/** Characters of specifications from which a second thread is worth the 0.3 s that it needs to load Vega. */
const worthwhile = 500_000;

/**
 * Renders the charts as SVG, in the order given. The charts of a large run take seconds, so a second thread
 * helps: it and this thread each take the next chart when they have drawn one. Rejects with the first error
 * of either.
 */
export async function renderAll(specs: readonly Spec[]): Promise<string[]> {
  const drawn: string[] = [];
  let next = 0;
  const work = async (draw: (spec: Spec) => Promise<string>) => {
    while (next < specs.length) {
      const place = next++;
      drawn[place] = await draw(specs[place] as Spec);
    }
  };
  if (availableParallelism() < 2 || JSON.stringify(specs).length < worthwhile) {
    await work((spec) => renderSvg(spec));
    return drawn;
  }
  const helper = new Worker(new URL(import.meta.url));
  const answers = async (spec: Spec) => {
    helper.postMessage(spec);
    const [svg] = await once(helper, 'message'); // rejects with the helper's error
    return svg as string;
  };
  try {
    const here = async (spec: Spec) => {
      const svg = await renderSvg(spec);
      await setImmediate(); // lets the helper's message arrive, which Vega's promises alone would not
      return svg;
    };
    await Promise.all([work(answers), work(here)]);
  } finally {
    await helper.terminate();
  }
  return drawn;
}

if (!isMainThread)
  parentPort?.on('message', async (spec: Spec) => parentPort?.postMessage(await renderSvg(spec)));
