/**
 * JSON exactly as Python's `json.dumps` writes it: a blank after each comma and colon, everything beyond ASCII escaped.
 * The first `tqc` was a Python program; scripts that read its output, and recordings of what it sends, stay valid.
 */
export function pythonJson(value: unknown, options: { indent?: number } = {}): string {
  const { indent } = options;
  return write(value, indent === undefined ? null : ' '.repeat(indent), '').replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Every line of what is inside stands one `step` further in than `margin`; without a step all is one line. */
function write(value: unknown, step: string | null, margin: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = step === null ? '' : `${margin}${step}`;
  const items = Array.isArray(value)
    ? value.map((item) => write(item, step, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${write(item, step, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (items.length === 0 || step === null) return `${open}${items.join(', ')}${close}`;
  return `${open}\n${items.map((item) => `${inner}${item}`).join(',\n')}\n${margin}${close}`;
}
