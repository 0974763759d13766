import { markFault } from './mark.js';

/** A task module that does not load. */
markFault();
throw new Error('no such model');
