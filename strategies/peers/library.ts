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
    const { code, message } = cause as NodeJS.ErrnoException;
    // A module that the library itself fails to find is a different error.
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw cause;
    throw new Error(`peer "${peer}" needs the package ${name}, which is not installed: npm i ${name}`, {
      cause,
    });
  }
}
