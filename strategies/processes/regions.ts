import { readvSync, writevSync } from 'node:fs';

/**
 * Writes documents into a region of the shared file, one after the other. Both sides pass the position with
 * every call, because a descriptor's own position is shared among all processes that have it.
 */
export function writeRegion(fd: number, documents: readonly Uint8Array[], position: number): void {
  moveAll((views, at) => writevSync(fd, views, at), documents, position);
}

/** Fills the buffers from the file. */
export function readRegion(fd: number, buffers: readonly Uint8Array[], position: number): void {
  moveAll((views, at) => readvSync(fd, views, at), buffers, position);
}

/** Linux and macOS take at most this many buffers per call, and fail with EINVAL for more. */
const maxViews = 1024;

/**
 * Calls `move` until the bytes of all views have been moved: a call may move fewer, because of a signal or a
 * system limit.
 * @throws Error when it moves nothing although something is left.
 */
export function moveAll(
  move: (views: Uint8Array[], position: number) => number,
  views: readonly Uint8Array[],
  position: number,
): void {
  let left = views.filter((view) => view.length > 0);
  let at = position;
  while (left.length > 0) {
    const moved = move(left.length > maxViews ? left.slice(0, maxViews) : left, at);
    if (moved === 0)
      throw new Error(`expected ${left.length} more buffers of the shared file at ${at}, got to its end`);
    at += moved;
    left = after(left, moved);
  }
}

/** Returns the views that are left when this many bytes of them have been moved. */
function after(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let done = 0;
  let over = bytes;
  for (let view = views[0]; view !== undefined && over >= view.length; view = views[++done])
    over -= view.length;
  const left = views.slice(done);
  if (over > 0) left[0] = (left[0] as Uint8Array).subarray(over);
  return left;
}
