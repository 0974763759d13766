import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';

const module = new URL('../../bench/cli/signals.js', import.meta.url).href;

/** A process that handles signals and prints what happens, one line each; it lives until a signal ends it. */
function startHandling(orderly: string) {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { handleSignals } from '${module}';
     const { signal } = handleSignals({ ${orderly} atOnce: () => console.log('at once') });
     signal.addEventListener('abort', () => console.log('aborted'));
     setInterval(() => {}, 1e6);
     console.log('listening');`,
  ]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
    child.emit('said');
  });
  return {
    child,
    async said(text: string) {
      while (!output.includes(text)) await once(child, 'said');
    },
    async ended() {
      const [code] = await once(child, 'close');
      return { code, lines: output.trim().split('\n') };
    },
  };
}

describe('signals', { skip: process.platform === 'win32' }, () => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`the first ${name} asks for an orderly end, the second ends the process`, async () => {
      const { child, said, ended } = startHandling("orderly() { console.log('orderly'); return true; },");
      const end = ended();
      await said('listening');
      child.kill(name);
      await said('aborted');
      assert.equal(child.exitCode, null);
      child.kill(name);
      assert.deepEqual(await end, { code: 130, lines: ['listening', 'orderly', 'aborted', 'at once'] });
    });
  }

  for (const [when, orderly] of [
    ['a command has no orderly end', ''],
    ['there is nothing to finish', 'orderly: () => false,'],
  ] as const) {
    it(`the first ends the process when ${when}`, async () => {
      const { child, said, ended } = startHandling(orderly);
      const end = ended();
      await said('listening');
      child.kill('SIGTERM');
      assert.deepEqual(await end, { code: 130, lines: ['listening', 'at once'] });
    });
  }
});
