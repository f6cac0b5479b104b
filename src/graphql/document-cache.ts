/** Longest document, in characters, that is worth keeping: what clients send again and again is shorter. */
const longestKept = 16_384;

/** Characters of all documents together; their parsed form takes some tens of times as much memory. */
const charactersKept = 2_000_000;

/**
 * Keeps what was made of a document under its text, least recently used out first.
 *
 * Bounded by characters rather than entries: a thousand distinct documents of a megabyte each would otherwise be a
 * cheap way to fill the memory.
 */
export class DocumentCache<Value> {
  private readonly entries = new Map<string, Value>();
  private characters = 0;

  get(text: string): Value | undefined {
    const value = this.entries.get(text);
    if (value !== undefined) {
      // A map iterates in order of insertion: inserting again makes this the most recently used.
      this.entries.delete(text);
      this.entries.set(text, value);
    }
    return value;
  }

  set(text: string, value: Value): void {
    if (text.length > longestKept) return;
    if (!this.entries.has(text)) this.characters += text.length;
    this.entries.set(text, value);
    for (const oldest of this.entries.keys()) {
      if (this.characters <= charactersKept) return;
      this.entries.delete(oldest);
      this.characters -= oldest.length;
    }
  }
}
