/**
 * Loads the library of a peer. These libraries are not dependencies of ours, because only a comparison needs
 * them. Therefore a peer's module imports its library when it is opened and not before.
 * @throws Error that says what to install when the library is not there.
 */
export async function library<Module>(
  peer: string,
  name: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    // A module that an installed library fails to find is a different error.
    if (isInstalled(name)) throw cause;
    throw new Error(`peer "${peer}" needs the package ${name}, which is not installed: npm i ${name}`, {
      cause,
    });
  }
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
