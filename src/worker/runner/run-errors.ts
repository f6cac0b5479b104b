/** Somebody asked the agent to stop. */
export class RunCanceled extends Error {
  constructor() {
    super('The run was canceled: nothing more is done.');
    this.name = 'RunCanceled';
  }
}

/** The process is told to end by a signal. */
export class RunStopped extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`The runner was stopped by ${signal}: what is not pushed is gone.`);
    this.name = 'RunStopped';
  }
}

/** The run ends without having done what it was for. */
export class RunError extends Error {
  constructor(
    /** Name of the step that is logged of it. */
    readonly step: string,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'RunError';
  }
}
