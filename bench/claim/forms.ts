/** The three ways in which agents may work. */
export const forms = {
  'two requests': { batchSize: 1, isOneDocument: false },
  'one document': { batchSize: 1, isOneDocument: true },
  'claims of ten': { batchSize: 10, isOneDocument: true },
} as const;

export type Form = keyof typeof forms;

export const formNames = Object.keys(forms) as Form[];
