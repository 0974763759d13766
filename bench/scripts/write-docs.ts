import { writeFileSync } from 'node:fs';
import { documents, generated } from './docs.js';

/** `npm run docs` */
for (const path of Object.keys(documents)) writeFileSync(path, await generated(path));
