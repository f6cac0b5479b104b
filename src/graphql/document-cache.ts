/** Longest document, in characters, that is worth keeping: what clients send again and again is shorter. */
const longestKept = 16_384;

/** Characters of all documents together; their parsed form takes some tens of times as much memory. */
const charactersKept = 2_000_000;

interface Entry<Value> {
  value: Value;
  /** Whether it was asked for since it came, or was last spared. */
  isUsed: boolean;
}

/**
 * Keeps what was made of a document under its text; the oldest go first, but one that was used meanwhile is spared once.
 *
 * Bounded by characters rather than entries: a thousand distinct documents of a megabyte each would otherwise be a
 * cheap way to fill the memory.
 */
export class DocumentCache<Value> {
  private readonly entries = new Map<string, Entry<Value>>();
  private characters = 0;

  get(text: string): Value | undefined {
    const entry = this.entries.get(text);
    if (entry === undefined) return undefined;
    // Moving it to the end of the map, as the least recently used order wants, would be the dearer part of a lookup.
    entry.isUsed = true;
    return entry.value;
  }

  set(text: string, value: Value): void {
    if (text.length > longestKept) return;
    const known = this.entries.get(text);
    if (known) {
      known.value = value;
      return;
    }
    this.characters += text.length;
    this.makeRoom();
    this.entries.set(text, { value, isUsed: false });
  }

  private makeRoom(): void {
    for (const [oldest, entry] of this.entries) {
      if (this.characters <= charactersKept) return;
      this.entries.delete(oldest);
      // A map iterates in the order of insertion, over what is inserted meanwhile too.
      if (entry.isUsed) this.entries.set(oldest, { value: entry.value, isUsed: false });
      else this.characters -= oldest.length;
    }
  }
}
