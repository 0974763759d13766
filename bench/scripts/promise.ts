import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecommendation } from '../../runner/recommendation.js';
import { note, print } from '../cli/terminal.js';
import { UsageError } from '../errors.js';
import { programsOver } from '../regret/programs.js';
import { recommendedName } from '../verdict/configurations.js';
import { number } from '../words/units.js';

/**
 * `npm run promise -- <folder of a pick> <documents>`: do programs with `createRunner` reach what `pick`
 * promised? Ten programs run the whole folder, one after the other.
 */
const programs = 10;

const [, , folder, docs] = process.argv;
if (folder === undefined || docs === undefined)
  throw new UsageError(
    'expected the folder of a pick and the documents: npm run promise -- results/pick ./docs',
  );
const path = join(folder, 'recommendation.json');
const recommendation = readRecommendation(JSON.parse(readFileSync(path, 'utf8')));
const { low, high } = recommendation.expected;
if (low === null || high === null)
  throw new UsageError(`"${path}": expected a promise, and this pick measured too little to make one`);
const rates = await programsOver(path, { docs, programs });
const within = rates.filter((rate) => rate >= low && rate <= high);
for (const rate of rates) note(`${number(rate)} documents/s${within.includes(rate) ? '' : ', outside'}`);
print(
  `${recommendedName(recommendation)} was promised ${number(low)} to ${number(high)} documents/s: ` +
    `${within.length} of ${rates.length} programs were within that range\n`,
);
