import { diffLines, diffWords } from 'diff';
import { useMemo } from 'react';
import './diff.css';

interface Line {
  kind: 'same' | 'removed' | 'added';
  parts: readonly { text: string; isChanged: boolean }[];
}

/** Unchanged lines that are shown around changed ones. */
const contextLines = 3;

/** What changed from one text to another, line by line; in lines that were rewritten, the words are marked that differ. */
export function Diff({ before, after }: { before: string; after: string }) {
  const lines = useMemo(() => compare(before, after), [before, after]);
  const isShown = useMemo(() => {
    const changed = lines.flatMap((line, index) => (line.kind === 'same' ? [] : [index]));
    return lines.map((_, index) => changed.some((each) => Math.abs(each - index) <= contextLines));
  }, [lines]);
  if (lines.every((line) => line.kind === 'same')) return <p className="hint">The text is the same.</p>;
  return (
    <pre className="diff">
      {lines.map((line, index) => {
        if (!isShown[index]) {
          return isShown[index - 1] || index === 0 ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name.
            <span key={index} className="diff-gap">
              ⋯
            </span>
          ) : null;
        }
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name.
          <span key={index} className={`diff-line diff-${line.kind}`}>
            <span className="diff-sign" aria-hidden="true">
              {{ same: ' ', removed: '−', added: '+' }[line.kind]}
            </span>
            {line.kind !== 'same' && <span className="visually-hidden">{line.kind}: </span>}
            {line.parts.map(({ text, isChanged }, part) =>
              isChanged ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: words have no other name.
                <mark key={part}>{text}</mark>
              ) : (
                text
              ),
            )}
          </span>
        );
      })}
    </pre>
  );
}

function compare(before: string, after: string): Line[] {
  const lines: Line[] = [];
  const chunks = diffLines(withLastBreak(before), withLastBreak(after));
  for (let index = 0; index < chunks.length; index++) {
    const chunk = chunks[index];
    const next = chunks[index + 1];
    if (!chunk) continue;
    if (!chunk.removed || !next?.added) {
      lines.push(...plainLines(chunk.value, chunk.removed ? 'removed' : chunk.added ? 'added' : 'same'));
      continue;
    }
    const [old, fresh] = [linesOf(chunk.value), linesOf(next.value)];
    if (old.length === fresh.length) {
      lines.push(...old.map((line, at) => rewritten(line, fresh[at] ?? '', 'removed')));
      lines.push(...fresh.map((line, at) => rewritten(old[at] ?? '', line, 'added')));
    } else {
      lines.push(...plainLines(chunk.value, 'removed'), ...plainLines(next.value, 'added'));
    }
    index += 1;
  }
  return lines;
}

function rewritten(old: string, fresh: string, kind: 'removed' | 'added'): Line {
  const words = diffWords(old, fresh).filter((word) => (kind === 'removed' ? !word.added : !word.removed));
  return { kind, parts: words.map((word) => ({ text: word.value, isChanged: word.added || word.removed })) };
}

function plainLines(text: string, kind: Line['kind']): Line[] {
  return linesOf(text).map((line) => ({ kind, parts: [{ text: line, isChanged: false }] }));
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

/** Otherwise the last line counts as changed as soon as another comes behind it. */
function withLastBreak(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
