import { MessageChannel, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { ChannelEnvelope, ChannelPort, FromTask, ToTask } from '../session/side-channel-protocol.js';
import { sendCloned } from './cloneable.js';
import type { Connect } from './task-end.js';
import { thisWorker } from './worker-id.js';

/** Connects a worker thread by a port of its own, which it sends to the caller over `parentPort`. */
export const connectThread: Connect = (receive) => {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', receive);
  port1.unref(); // the thread lives as long as its strategy wants
  const hello: ChannelPort = { kind: 'channel', worker: thisWorker(), port: port2 };
  parentPort?.postMessage(hello, [port2]);
  return {
    send: (message) => port1.postMessage(message),
    drain() {
      for (;;) {
        const received = receiveMessageOnPort(port1) as { message: ToTask } | undefined;
        if (received === undefined) return;
        receive(received.message);
      }
    },
    close: () => port1.close(),
  };
};

/** Connects a child process by the channel that it has to its parent. */
export const connectProcess: Connect = (receive) => {
  const heard = (envelope: Partial<ChannelEnvelope<ToTask>> | null) => {
    if (envelope?.kind === 'channel' && envelope.message) receive(envelope.message);
  };
  process.on('message', heard);
  const send = (message: FromTask | null) => {
    const envelope: ChannelEnvelope<FromTask> = { kind: 'channel', message };
    sendCloned(() => process.send?.(envelope, undefined, undefined, ignore));
  };
  send(null);
  return { send, drain() {}, close: () => void process.off('message', heard) };
};

/** A parent that is gone ends this process anyway. */
const ignore = () => {};
