import { PNG } from 'pngjs';
import type { Document } from '../../../workloads/workload.js';

/** Decodes a picture and makes a thumbnail of it: loops over bytes, and a few large buffers. */
export default function image({ bytes }: Document): { width: number; height: number; thumbnail: Uint8Array } {
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  const side = 32;
  const thumbnail = new Uint8Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) thumbnail[y * side + x] = brightness(x, y);
  }
  return { width, height, thumbnail };

  /** Mean of the pixels that one pixel of the thumbnail covers. */
  function brightness(x: number, y: number): number {
    const [left, right] = [Math.floor((x * width) / side), Math.floor(((x + 1) * width) / side)];
    const [top, bottom] = [Math.floor((y * height) / side), Math.floor(((y + 1) * height) / side)];
    let sum = 0;
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) sum += data[4 * (row * width + column)] as number;
    return sum / Math.max(1, (right - left) * (bottom - top));
  }
}
