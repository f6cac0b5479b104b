/** What happened to organizations, by event type. */
export interface OrganizationEventData {
  OrganizationCreated: { slug: string; name: string };
}
