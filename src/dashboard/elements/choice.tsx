import type { LiveList } from '../live/use-live-list.js';

export interface Option {
  value: string;
  label: string;
}

/** Chosen to read more of the options; no id looks like it. */
const moreValue = 'more';

/** Chooses one of some, or all of them. */
export function Choice({
  all,
  value,
  options,
  list,
  onChange,
  ...control
}: {
  /** What is said when none is chosen. */
  all: string;
  value: string | null;
  options: readonly Option[];
  /** Of which the options are what was read yet. */
  list?: LiveList<unknown>;
  onChange: (value: string | null) => void;
  id?: string;
  name?: string;
  'aria-label'?: string;
  'aria-invalid'?: boolean;
  'aria-describedby'?: string | undefined;
}) {
  // What is chosen may not have been read yet, or not be there at all.
  const isListed = value === null || options.some((option) => option.value === value);
  return (
    <select
      {...control}
      className={value ? 'choice-made' : ''}
      value={value ?? ''}
      onChange={({ target }) => (target.value === moreValue ? list?.loadMore() : onChange(target.value || null))}
    >
      <option value="">{all}</option>
      {!isListed && <option value={value}>{value}</option>}
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
      {list?.hasMore && <option value={moreValue}>More …</option>}
    </select>
  );
}

/** The things of a list, to choose one of them by its name. */
export function named({ nodes }: LiveList<{ id: string; name: string }>): Option[] {
  return (nodes ?? []).map(({ id, name }) => ({ value: id, label: name }));
}
