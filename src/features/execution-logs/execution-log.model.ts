/** Characters of a step's name. Source: contracts.md 1.2. */
export const stepLengthMax = 100;

/** The step of an entry that names none. */
export const stepDefault = 'step';

/** Characters of the summary that its event carries; the entry has it whole. */
export const eventSummaryLength = 500;
