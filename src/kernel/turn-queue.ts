/**
 * Does many small pieces of work, in the order in which they came, without keeping the event loop from others: so many in one of
 * its turns, the rest in the next ones.
 */
export class TurnQueue<Piece> {
  readonly #work: (piece: Piece) => void;
  readonly #piecesPerTurn: number;
  readonly #pieces: Piece[] = [];
  #isScheduled = false;

  /** `work` must not throw. */
  constructor({ work, piecesPerTurn }: { work: (piece: Piece) => void; piecesPerTurn: number }) {
    this.#work = work;
    this.#piecesPerTurn = piecesPerTurn;
  }

  add(piece: Piece): void {
    this.#pieces.push(piece);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // The first pieces need not wait for the turn to end.
    queueMicrotask(this.#doSome);
  }

  readonly #doSome = (): void => {
    for (const piece of this.#pieces.splice(0, this.#piecesPerTurn)) this.#work(piece);
    setImmediate(this.#goOn);
  };

  readonly #goOn = (): void => {
    if (this.#pieces.length > 0) this.#doSome();
    else this.#isScheduled = false;
  };
}
