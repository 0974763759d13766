/** A task that needs no memory of its own. */
export default function idle(): null {
  return null;
}
