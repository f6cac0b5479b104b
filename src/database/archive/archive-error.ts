/** The archive, or the database that it should go into, is not fit for an import. Nothing was changed. */
export class ArchiveError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ArchiveError';
  }
}
