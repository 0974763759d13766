/**
 * `node dist/bench/scripts/spinner.js [percent]` takes a share of one core (30 % by default) until it is
 * ended: another program on the machine, for measurements that must notice one.
 */
const share = Number(process.argv[2] ?? 30) / 100;
if (!(share > 0 && share <= 1))
  throw new Error(`expected a percentage from 1 to 100, got "${process.argv[2]}"`);
const periodMs = 10;

function spin(): void {
  const untilMs = performance.now() + share * periodMs;
  while (performance.now() < untilMs);
}

setInterval(spin, periodMs);
// A parent that dies closes the channel, and nothing else would end this process.
process.on('disconnect', () => process.exit());
