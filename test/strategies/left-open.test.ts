import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { openResources, warnOfLeftOpen } from '../../strategies/worker/left-open.js';

it('a worker warns of a server that is open, and not of one that is being closed', async () => {
  const warnings: string[] = [];
  const hear = ({ message }: Error) => void warnings.push(message);
  process.on('warning', hear);
  const before = openResources();
  const server = createServer().listen(0);
  await once(server, 'listening');
  await warnOfLeftOpen(before);
  assert.match(warnings.join(), /left something open in a worker \(.*TCPServerWrap/);
  server.close();
  assert.ok((openResources().get('TCPServerWrap') ?? 0) > 0, 'it still seems open');
  await warnOfLeftOpen(before);
  process.off('warning', hear);
  assert.equal(warnings.length, 1);
});
