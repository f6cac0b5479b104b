/**
 * The columns of a model for a hand-written `returning` or `select`, named as Prisma names its fields, so that such a
 * row is the same thing as one that Prisma read. `fields` is the model's enum from the generated client.
 */
export function columns(fields: Record<string, string>, table: string): string {
  return Object.values(fields)
    .map((field) => `${table}.${snakeCase(field)} as "${field}"`)
    .join(', ');
}

function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
