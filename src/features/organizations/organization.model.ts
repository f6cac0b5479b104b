/** The organization that the first migration makes; whoever names no other acts in it. */
export const defaultOrganizationId = '00000000-0000-7000-8000-000000000001';

export const slugPattern = /^[a-z0-9-]{2,63}$/;

/** Whether the text has the shape of a slug; anything else cannot name an organization. */
export function isSlug(text: string): boolean {
  return slugPattern.test(text);
}
