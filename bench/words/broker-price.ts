import type { BrokerPrice } from '../verdict/broker-price.js';
import type { Conclusion } from '../verdict/conclude.js';
import { namer, withInterval } from './configuration.js';
import { megabytes, number } from './units.js';

/** At most two sentences for each configuration with a broker that has one without beside it. */
export function brokerPriceSentences(conclusions: readonly Conclusion[]): string[] {
  return conclusions.flatMap(({ corpus, claims, prices, strategies }) => {
    if (claims === 'nothing') return [];
    const name = namer(
      strategies,
      prices.flatMap(({ between, alone }) => [between, alone]),
    );
    return prices.flatMap(({ between, alone, rate, ...costs }) => [
      `Through its broker, ${name(between)} ` +
        (rate === null
          ? `has no round in common with ${name(alone)} at ${corpus}.`
          : `reached ${withInterval(rate)} the rate of ${name(alone)} at ${corpus}.`),
      ...costSentence(costs),
    ]);
  });
}

function costSentence({ cpuUs, memoryBytes }: Pick<BrokerPrice, 'cpuUs' | 'memoryBytes'>): string[] {
  const cpu =
    cpuUs && `${number(cpuUs.between)} µs of CPU time per document in place of ${number(cpuUs.alone)}`;
  const memory =
    memoryBytes && `${megabytes(memoryBytes.between)} of memory in place of ${megabytes(memoryBytes.alone)}`;
  const used = [cpu, memory].filter((text) => text !== null);
  return used.length === 0 ? [] : [`It used ${used.join(', and ')}, broker and agents included.`];
}
