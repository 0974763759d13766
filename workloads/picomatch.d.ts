/** The part of picomatch that is used here: the package has no types of its own. */
declare module 'picomatch' {
  interface Options {
    /** Wildcards match names that begin with a dot, too. */
    readonly dot?: boolean;
  }
  interface Picomatch {
    (glob: string, options?: Options): (path: string) => boolean;
    scan(glob: string): { readonly isGlob: boolean };
  }
  const picomatch: Picomatch;
  export default picomatch;
}
