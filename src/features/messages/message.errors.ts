import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No thread of the caller's organization has this id. */
export class ThreadNotFoundError extends DomainError {
  readonly code = 'THREAD_NOT_FOUND' satisfies ErrorCode;

  constructor(threadId: string) {
    super(`There is no thread ${threadId} here.`, { path: ['threadId'] });
  }
}

/** The message to reply to does not exist, or stands in another thread. */
export class MessageNotFoundError extends DomainError {
  readonly code = 'MESSAGE_NOT_FOUND' satisfies ErrorCode;

  constructor(messageId: string) {
    super(`There is no message ${messageId} in this thread. A reply goes to the thread of the message it answers.`, {
      path: ['replyToId'],
    });
  }
}
