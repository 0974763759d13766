/** The names that errors keep when they are cloned. */
export const errorNames: readonly string[] = [
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
];

/**
 * Returns what structured clone keeps of an error: its own message, and its name if JavaScript has an error
 * of that name, else `Error`. All other members are lost on the way from another thread or process. Only its
 * `cause` is kept as well.
 */
export function clonedError(error: Error): { readonly name: string; readonly message: string } {
  const { value: message = '' } = Object.getOwnPropertyDescriptor(error, 'message') ?? {};
  const { name } = error;
  return { name: errorNames.includes(name) ? name : 'Error', message: String(message) };
}
