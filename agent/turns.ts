/**
 * Lets jobs run side by side, and some of them alone. A job that runs alone waits for all jobs that have
 * begun, and later jobs wait for it.
 */
export class Turns {
  readonly #running = new Set<Promise<void>>();
  /** The last job that runs alone, or waits to; null when there is none. */
  #alone: Promise<void> | null = null;

  async beside(job: () => Promise<void>): Promise<void> {
    while (this.#alone !== null) await this.#alone;
    await this.#track(job());
  }

  alone(job: () => Promise<void>): Promise<void> {
    const before = [...this.#running];
    const turn = this.#track(Promise.allSettled(before).then(job));
    const over = turn.then(
      () => {},
      () => {},
    );
    this.#alone = over;
    void over.then(() => {
      if (this.#alone === over) this.#alone = null;
    });
    return turn;
  }

  #track(job: Promise<void>): Promise<void> {
    this.#running.add(job);
    const remove = () => void this.#running.delete(job);
    job.then(remove, remove);
    return job;
  }
}
