import type { Stage } from './stage.js';

/** What the play was to show, and whether it did. */
export class Findings {
  readonly #found: { sentence: string; holds: boolean }[] = [];

  /** Notes whether something holds that the sentence claims. */
  expect(sentence: string, holds: boolean): void {
    this.#found.push({ sentence, holds });
  }

  get allHold(): boolean {
    return this.#found.every(({ holds }) => holds);
  }

  tellOn(stage: Stage): void {
    for (const { sentence, holds } of this.#found) stage.verdict(holds, sentence);
  }
}
