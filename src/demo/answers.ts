/** What a payload that succeeded always carries. */
export function present<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined)
    throw new Error('The server answered without errors, and without what was asked for.');
  return value;
}
