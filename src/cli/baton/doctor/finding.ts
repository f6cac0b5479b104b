/** What one check found. */
export interface Finding {
  /** What was looked at: one or two words. */
  check: string;
  /** `warn`: works, but somebody should know. `skip`: could not be looked at, for a reason that another finding has. */
  status: 'ok' | 'warn' | 'fail' | 'skip';
  /** What is the case. */
  detail: string;
  /** What to do; null where there is nothing to be done. */
  advice: string | null;
}

export const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail, advice: null });
export const skip = (check: string, detail: string): Finding => ({ check, status: 'skip', detail, advice: null });
export const warn = (check: string, detail: string, advice: string): Finding => ({ check, status: 'warn', detail, advice });
export const fail = (check: string, detail: string, advice: string): Finding => ({ check, status: 'fail', detail, advice });
