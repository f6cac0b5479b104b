import { script } from '@bomb.sh/tab';

export const shells = ['bash', 'zsh', 'fish'] as const;

/** What a shell sources to complete the program `name`; it asks `executable complete -- <words>` what fits. */
export function completionScript(shell: (typeof shells)[number], name: string, executable: string): string {
  const lines: string[] = [];
  // The library can only print.
  const { log } = console;
  console.log = (text: string) => lines.push(text);
  try {
    script(shell, name, executable);
  } finally {
    console.log = log;
  }
  // Its script for bash declares constants read-only, under the same names for every program: the second one would complain.
  return lines.join('\n').replace(/^readonly /gm, '');
}
