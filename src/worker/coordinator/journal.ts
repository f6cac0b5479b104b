/** What a coordinator tells while it works: one line for each thing that happens, without the secrets of its jobs. */
export interface Journal {
  /** Something happened as it should. */
  tell(entry: JournalEntry): void;
  /** Something is not as it should be. */
  warn(entry: JournalEntry): void;
  /** A line that an agent put out. */
  output(jobId: string, line: string): void;
}

export interface JournalEntry {
  /** For programs, such as `job_claimed`. */
  event: string;
  /** For people. */
  message: string;
  jobId?: string;
  /** For programs, beside the message. */
  facts?: Record<string, unknown>;
}

interface Streams {
  stdout: Pick<NodeJS.WritableStream, 'write'>;
  stderr: Pick<NodeJS.WritableStream, 'write'>;
}

/** Lines for people: what happens on standard output, trouble on standard error. */
export function linesFor({ stdout, stderr }: Streams): Journal {
  const line = ({ message, jobId }: JournalEntry) =>
    `[coordinator] ${jobId === undefined ? '' : `job ${jobId} `}${plain(message)}\n`;
  return {
    tell: (entry) => void stdout.write(line(entry)),
    warn: (entry) => void stderr.write(line(entry)),
    output: (jobId, text) => void stdout.write(`[job ${jobId}] ${plain(text)}\n`),
  };
}

/** The same as JSON, one object a line. */
export function jsonFor({ stdout, stderr }: Streams): Journal {
  const line = (level: string, { event, message, jobId, facts }: JournalEntry) =>
    `${JSON.stringify({ time: new Date().toISOString(), level, event, jobId, message, ...facts })}\n`;
  return {
    tell: (entry) => void stdout.write(line('info', entry)),
    warn: (entry) => void stderr.write(line('warn', entry)),
    output: (jobId, message) => void stdout.write(line('info', { event: 'job_output', message, jobId })),
  };
}

/** What an agent puts out must not drive the terminal of whoever watches, nor begin lines of its own; tabs and colours may stay. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.replace(/\x1b\[[0-9;]*m|[\p{Cc}]/gu, (found) => (found.length > 1 || found === '\t' ? found : ' '));
}
