import { start } from '../../workloads/services/ollama.js';

/** Runs the model server in a process of its own, so that it judges arrivals by its own event loop. */
const service = await start(JSON.parse(process.argv[2] as string));
process.send?.({ address: service.address });
process.on('disconnect', () => process.exit());
