import { writeFileSync } from 'node:fs';
import { documents, files, generated } from './docs.js';

/** `npm run docs` */
for (const path of Object.keys(documents)) writeFileSync(path, await generated(path));
for (const [path, text] of Object.entries(files)) writeFileSync(path, text());
