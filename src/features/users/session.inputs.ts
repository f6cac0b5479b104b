import { z } from 'zod';
import { type CommandOf, commandInput } from '../input-fields.js';
import { email, password } from './user.inputs.js';

const withoutInput = commandInput({});

export const sessionCreateInput = z.object({
  email: email.describe('Email of the user, in any case.'),
  // As short as may be: what is asked of a new password is nothing to guess by.
  password: password(1).describe('Password of the user.'),
  // Answering a repeated request from memory would let the password go unchecked.
  idempotencyKey: withoutInput.shape.idempotencyKey
    .transform(() => undefined)
    .describe(
      'Taken as by every mutation, and without effect: signing in again is safe, checks the password again and opens one more session.',
    ),
});

export const sessionEndInput = withoutInput;

export type SessionCreate = CommandOf<typeof sessionCreateInput>;
