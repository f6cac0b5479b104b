/** The last step of `npm run build`: writes the programs of `dist/`. */
import { bundlePrograms } from './programs.js';

await bundlePrograms();
