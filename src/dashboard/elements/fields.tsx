import { type ReactNode, useId } from 'react';
import { BatonCommandError } from '../../sdk/errors.js';

/** What the server said about a form: its sentences by the name of the field they are about; those about none under ''. */
export type Problems = Readonly<Record<string, string>>;

/** The server checks every input, and says which part is wrong; so that forms need no rules of their own. */
export function problemsOf(error: unknown): Problems {
  if (!(error instanceof BatonCommandError)) return { '': error instanceof Error ? error.message : String(error) };
  const problems: Record<string, string> = {};
  for (const { path, message } of error.errors) {
    const field = path?.[0] ?? '';
    problems[field] = problems[field] ? `${problems[field]} ${message}` : message;
  }
  return problems;
}

/** A labelled control, with what is wrong with it. `children` gets what the control needs to be tied to that. */
export function Field({
  name,
  label,
  hint,
  problems,
  remark,
  children,
}: {
  name: string;
  label: string;
  hint?: string | undefined;
  problems: Problems;
  /** What else is to be said about it. */
  remark?: ReactNode;
  children: (control: { id: string; name: string; 'aria-invalid': boolean; 'aria-describedby': string | undefined }) => ReactNode;
}) {
  const id = useId();
  const problem = problems[name];
  const isExplained = problem !== undefined || hint !== undefined || Boolean(remark);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, name, 'aria-invalid': problem !== undefined, 'aria-describedby': isExplained ? `${id}-more` : undefined })}
      {isExplained && (
        <span id={`${id}-more`}>
          {hint && <small>{hint}</small>}
          {problem && (
            <span className="field-problem" role="alert">
              {problem}
            </span>
          )}
          {remark}
        </span>
      )}
    </div>
  );
}

/** What is wrong with none of the fields that the form has. */
export function OtherProblems({ problems, fields }: { problems: Problems; fields: readonly string[] }) {
  const others = Object.entries(problems).flatMap(([field, sentence]) => (fields.includes(field) ? [] : [sentence]));
  if (others.length === 0) return null;
  return (
    <p className="field-problem" role="alert">
      {others.join(' ')}
    </p>
  );
}
