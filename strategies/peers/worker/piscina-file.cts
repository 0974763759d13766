/** CommonJS for the reason that `thread-pool-file.cts` gives. */
module.exports = import('./piscina.js').then(({ default: run }) => run);
