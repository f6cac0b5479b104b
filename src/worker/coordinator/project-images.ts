import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The image with which each project's jobs ran well last: it goes before AGENT_IMAGE. Source: contracts.md 4.2. */
export class ProjectImages {
  readonly #file: string;

  constructor(stateDir: string) {
    this.#file = path.join(stateDir, 'project_images.json');
  }

  find(projectId: string): string | null {
    const image = this.#read()[projectId];
    return typeof image === 'string' && image !== '' ? image : null;
  }

  /** Throws what the file system throws. */
  remember(projectId: string, image: string): void {
    if (this.find(projectId) === image) return;
    mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    // Whole or not at all: a coordinator may be killed here, and another may read meanwhile.
    const written = `${this.#file}.${process.pid}`;
    writeFileSync(written, `${JSON.stringify({ ...this.#read(), [projectId]: image }, null, 2)}\n`);
    renameSync(written, this.#file);
  }

  /** A file that is missing, or none that we wrote, remembers nothing. */
  #read(): Record<string, unknown> {
    try {
      const images: unknown = JSON.parse(readFileSync(this.#file, 'utf8'));
      return typeof images === 'object' && images !== null && !Array.isArray(images) ? { ...images } : {};
    } catch {
      return {};
    }
  }
}
