import { Adaptive } from '../adaptive.js';
import { knee, limits, type Model, memory, ownMs, sizes, steady, steps } from './models.js';
import { Simulation } from './service.js';

/** One promise about the controller, and how a seed of a model has kept it. */
export interface Score {
  readonly model: string;
  readonly figure: string;
  readonly value: number;
  readonly kept: boolean;
}

interface Trial {
  readonly model: Model;
  readonly seed: number;
  readonly noise: number;
}

/** Every model is scored with one seed. */
export function scores(seed: number, noise: number): Score[] {
  return [
    ...steady.flatMap((model) => scoreSteady({ model, seed, noise })),
    ...steps.flatMap((model) => scoreStep({ model, seed, noise })),
    ...scoreSizes({ model: sizes, seed, noise }),
    ...limits.flatMap((model) => scoreLimit({ model, seed, noise })),
    ...scoreKnee({ model: knee, seed, noise }),
  ];
}

/** The number is found in this many windows, and then kept for another hundred. */
const findWindows = 40;
const keepWindows = 100;

function scoreSteady(trial: Trial): Score[] {
  const { model } = trial;
  const { adaptive, simulation, moves } = start(trial);
  simulation.run(Infinity, () => adaptive.windows >= findWindows);
  const { nowMs, completed } = simulation.totals;
  const found = adaptive.resting;
  const movesBefore = moves();
  simulation.run(Infinity, () => adaptive.windows >= findWindows + keepWindows);
  const rate = (1000 * (simulation.totals.completed - completed)) / (simulation.totals.nowMs - nowMs);
  const score = scorer(model);
  return [
    score('rate after 40 windows ÷ best', model.rate(found, 0) / model.rate(model.best(0), 0), noLess(0.95)),
    score('moves in 100 steady windows', moves() - movesBefore, noMore(1)),
    score('lost to probes', 1 - rate / model.rate(found, 0), noMore(0.02)),
    ...(simulation.totals.memoryBytes === 0
      ? []
      : [score('memory ÷ limit', simulation.totals.memoryBytes / memory.limitBytes, noMore(1))]),
  ];
}

function scoreStep(trial: Trial): Score[] {
  const { model } = trial;
  const changesMs = model.changesMs as number;
  const { adaptive, simulation } = start(trial);
  simulation.run(changesMs);
  const before = { windows: adaptive.windows, number: adaptive.resting };
  const best = model.best(changesMs);
  const up = best > model.best(0);
  let answered: number | null = null;
  let extreme = best;
  simulation.run(Infinity, () => {
    const number = adaptive.resting;
    const near = number >= 0.95 * best && number <= 1.25 * best;
    if (!near) answered = null;
    else answered ??= adaptive.windows - before.windows;
    extreme = up ? Math.max(extreme, number) : Math.min(extreme, number);
    return adaptive.windows >= before.windows + 40;
  });
  const score = scorer(model);
  return [
    score('windows until answered', answered ?? Infinity, noMore(10)),
    score('overshoot', Math.abs(extreme / best - 1), noMore(0.25)),
  ];
}

function scoreSizes(trial: Trial): Score[] {
  const { adaptive, simulation } = start(trial);
  simulation.run(trial.model.changesMs as number);
  const before = { windows: adaptive.windows, number: adaptive.resting };
  let moved = 0;
  let number = before.number;
  simulation.run(Infinity, () => {
    if (adaptive.resting !== number) moved++;
    number = adaptive.resting;
    return adaptive.windows >= before.windows + 60;
  });
  return [scorer(trial.model)('moves after the change', moved, noMore(0))];
}

function scoreLimit(trial: Trial): Score[] {
  const { model } = trial;
  const { simulation } = start(trial);
  simulation.run(60_000);
  const { completed, refused } = simulation.totals;
  simulation.run(180_000);
  const accepted = simulation.totals.completed - completed;
  const refusals = simulation.totals.refused - refused;
  const score = scorer(model);
  return [
    score('rate ÷ limit after 60 s', accepted / 120 / model.rate(model.best(0), 0), noLess(0.9)),
    score('refusals after 60 s', refusals / (accepted + refusals), noMore(0.02)),
  ];
}

function scoreKnee(trial: Trial): Score[] {
  const { model } = trial;
  const changesMs = model.changesMs as number;
  const tasks: number[] = [];
  const { adaptive, simulation } = start(trial, (taskMs) => {
    if (simulation.totals.nowMs > changesMs + 10_000) tasks.push(taskMs);
  });
  simulation.run(changesMs);
  const best = model.best(changesMs);
  let withinMs: number | null = null;
  simulation.run(changesMs + 10_000, () => {
    if (adaptive.number > 1.25 * best) withinMs = null;
    else withinMs ??= simulation.totals.nowMs - changesMs;
    return false;
  });
  const { completed } = simulation.totals;
  simulation.run(changesMs + 40_000);
  tasks.sort((a, b) => a - b);
  const p99 = tasks[Math.floor(0.99 * tasks.length)] as number;
  const use = (simulation.totals.completed - completed) / 30 / model.rate(best, changesMs);
  const score = scorer(model);
  return [
    score('seconds until within 25 %', (withinMs ?? Infinity) / 1000, noMore(10)),
    score('p99 ÷ its floor', p99 / ownMs, noMore(2)),
    score('use', use, noLess(0.9)),
  ];
}

function start({ model, seed, noise }: Trial, onTask?: (taskMs: number) => void) {
  const adaptive = new Adaptive({ start: model.start });
  const simulation = new Simulation({
    service: model.service(),
    controller: adaptive,
    seed,
    noise,
    ...(model.bytes === undefined ? {} : { bytes: model.bytes }),
    ...(onTask === undefined ? {} : { onTask }),
  });
  return { adaptive, simulation, moves: () => adaptive.moves };
}

function scorer({ name }: Model) {
  return (figure: string, value: number, keeps: (value: number) => boolean): Score => ({
    model: name,
    figure,
    value,
    kept: keeps(value),
  });
}

function noMore(limit: number): (value: number) => boolean {
  return (value) => value <= limit;
}

function noLess(limit: number): (value: number) => boolean {
  return (value) => value >= limit;
}
