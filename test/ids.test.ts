import { expect, it } from 'vitest';
import { isId, newId } from '../src/kernel/ids.js';

it('mints ids that sort by when they were minted, also within a millisecond, and none twice', () => {
  const ids = Array.from({ length: 20_000 }, newId);

  expect(ids.every(isId)).toBe(true);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
});
