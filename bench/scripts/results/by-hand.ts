/** Names of the loops by hand, one for each isolation of workers. */
export const byHand = { thread: 'threads by hand', process: 'processes by hand' } as const;
