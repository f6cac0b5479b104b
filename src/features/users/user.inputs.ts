import { z } from 'zod';
import { UserRole } from '../../database/generated/prisma/enums.js';
import { Secret } from '../../kernel/secret.js';
import { type CommandOf, commandInput, shortText } from '../input-fields.js';

/** Longest password that is taken: hashing reads all of it. */
const passwordLengthMax = 200;

export const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254, 'must have at most 254 characters')
  .regex(z.regexes.email, 'is not an email address');

/** A password of at least so many characters. However it was typed, the same characters are the same password; it is never kept. */
export function password(lengthMin: number) {
  return z
    .string()
    .normalize('NFKC')
    .min(lengthMin, `must have at least ${lengthMin} characters`)
    .max(passwordLengthMax, `must have at most ${passwordLengthMax} characters`)
    .transform((text) => new Secret(text));
}

export const userCreateInput = commandInput({
  email: email.describe('Email that the user signs in with, in any case. At most 254 characters.'),
  name: shortText('Name that people see.', 200),
  password: password(8).describe(`Password that the user signs in with. 8 to ${passwordLengthMax} characters.`),
  role: z.enum(UserRole).meta({ graphql: 'UserRole' }).default('MEMBER').describe('What the user may do. Default MEMBER.'),
});

export type UserCreate = CommandOf<typeof userCreateInput>;
