/**
 * The file that piscina is given. It calls `require()` before it tries `import()`, and a thread that is ended
 * while it requires an ES module aborts the whole process ("v8::Module::IsGraphAsync must be used on an
 * instantiated module", Node 20.20 and 22.23). A pool whose workload does not load ends threads at just that
 * moment. Therefore this file is CommonJS and loads the module by `import()`.
 */
module.exports = import('./thread-pool.js').then(({ default: run }) => run);
