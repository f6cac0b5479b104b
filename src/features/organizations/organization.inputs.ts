import { z } from 'zod';
import { type CommandOf, commandInput, shortText } from '../input-fields.js';
import { slugPattern } from './organization.model.js';

export const organizationCreateInput = commandInput({
  slug: z
    .string()
    .regex(slugPattern, 'must be 2 to 63 characters of a-z, 0-9 and -')
    .describe('Short name for `X-Organization`, which never changes. 2 to 63 characters of a-z, 0-9 and -.'),
  name: shortText('Name that people see.', 200),
});

export type OrganizationCreate = CommandOf<typeof organizationCreateInput>;
