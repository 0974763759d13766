/**
 * Says how a document reaches a worker: not at all, cloned, transferred, in shared memory, by message, by
 * path, or by reference, so that the worker reads it.
 */
export type Delivery = 'none' | 'clone' | 'transfer' | 'shared' | 'message' | 'path' | 'reference';
/** Lists all deliveries in the order that tables use. */
export const deliveries: readonly Delivery[] = [
  'none',
  'clone',
  'transfer',
  'shared',
  'message',
  'path',
  'reference',
];

/** Returns a strategy's deliveries for documents whose bytes the caller has; the first is the default. */
export function deliveriesOfBytes({ deliveries }: { readonly deliveries: readonly Delivery[] }): Delivery[] {
  return deliveries.filter((delivery) => delivery !== 'reference');
}
