import { z } from 'zod';
import { type CommandOf, commandInput, longText, shortText, storable } from '../input-fields.js';

export const projectCreateInput = commandInput({
  name: shortText('Name of the project.', 200),
  description: longText('What the project is about, in Markdown.', 100_000).optional(),
  repoUrl: storable(z.string().trim().min(1).max(2000))
    .optional()
    .describe('Address of its git repository, as git takes it. At most 2000 characters.'),
});

export type ProjectCreate = CommandOf<typeof projectCreateInput>;
